import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { loadFfi } from '@sluice/core/native/ffi';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'sluice-restart-'));
const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** Asks for a page through the proxy; the answer's first line, or the error's code. */
function ask(proxyPort: number, target: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect({ port: proxyPort, host: '127.0.0.1' });
    let text = '';
    socket.on('connect', () => socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`));
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    socket.on('close', () => resolve(text.split('\r\n')[0] ?? ''));
  });
}

it('restarts in place, and refuses no connection meanwhile', { skip: !loadFfi().available }, async () => {
  const origin = createServer((_request, response) => response.end('here')).listen(0, '127.0.0.1');
  after(() => origin.close());
  await once(origin, 'listening');
  const target = `http://127.0.0.1:${(origin.address() as AddressInfo).port}/`;
  const [proxyPort, apiPort] = [await freePort(), await freePort()];
  writeFileSync(
    join(folder, 'sluice.yaml'),
    `control: {listen: '127.0.0.1:${apiPort}'}
inspect: {listen: '', admin: ''}
media: {http: {port: 0}, rtmp: {port: 0}, rtsp: {port: 0}}
route: {mixed-port: ${proxyPort}}
`,
  );
  const child = spawn(process.execPath, [MAIN, 'run', '-c', join(folder, 'sluice.yaml')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  const starts = () => output.split('Dashboard').length - 1;
  const until = async (count: number) => {
    for (let tries = 0; starts() < count && tries < 400; tries++) await sleep(50);
    assert.equal(starts(), count, output);
  };
  await until(1);
  assert.match(await ask(proxyPort, target), / 200 /);

  const outcomes = new Map<string, number>();
  let asking = true;
  const asker = (async () => {
    while (asking) {
      const outcome = await ask(proxyPort, target);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      await sleep(5);
    }
  })();
  const response = await fetch(`http://127.0.0.1:${apiPort}/restart`, { method: 'POST' });
  assert.deepEqual(await response.json(), { status: 'ok' });
  await until(2);
  assert.match(await ask(proxyPort, target), / 200 /);
  asking = false;
  await asker;
  assert.equal(outcomes.has('ECONNREFUSED'), false, JSON.stringify([...outcomes]));
  assert.ok((outcomes.get('HTTP/1.1 200 OK') ?? 0) > 0, JSON.stringify([...outcomes]));
  assert.equal(output.includes('SLUICE_LISTENERS'), false, output);

  // The program that came back is still this process, and can be told to end.
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
});
