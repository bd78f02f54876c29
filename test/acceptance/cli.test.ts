import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gatewayYaml, pickPorts } from '../support/gateway.ts';
import { runProgram } from '../support/programs.ts';
import { until } from '../support/until.ts';

const BIN = fileURLToPath(new URL('../../bin/sluice.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const sluice = (...args: string[]) =>
  runProgram(process.execPath, [BIN, ...args], { cwd: folder, timeoutMs: 20_000 });

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

type Running = { readonly child: ChildProcess; readonly output: () => string };

function run(...args: string[]): Running {
  const child = spawn(process.execPath, [BIN, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, output: () => text };
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode;
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}

describe('the command line', () => {
  it('explains itself', async () => {
    for (const args of [['--help'], ['run', '--help'], ['ca', 'export', '--help']]) {
      const { code, stdout } = await sluice(...args);
      assert.equal(code, 0, args.join(' '));
      assert.match(stdout.toString(), /Usage: sluice/);
    }
    assert.match((await sluice('version')).stdout.toString(), /^Sluice \d+\.\d+\.\d+ /);
    assert.match((await sluice('-v')).stdout.toString(), /^Sluice \d+\.\d+\.\d+ /);
  });

  it('answers 2 to a command line it does not understand', async () => {
    for (const args of [['--no-such-option'], ['completion', 'tcsh'], ['ca', 'export', '--format', 'jks']]) {
      const { code, stderr } = await sluice(...args);
      assert.equal(code, 2, args.join(' '));
      assert.match(stderr, /error:/);
    }
  });

  it('checks a configuration', async () => {
    const good = await sluice('check', '-c', write('good.yaml', 'route: { mode: direct }\n'));
    assert.equal(good.code, 0);
    assert.match(good.stdout.toString(), /good, 0 errors, 0 warnings/);
    const bad = await sluice('check', '-c', write('bad.yaml', 'route:\n  mode: fast\n'));
    assert.equal(bad.code, 1);
    assert.match(
      bad.stderr,
      /bad\.yaml:2:9: error: route\.mode: expected one of rule, global, direct, found the text "fast"/,
    );
  });

  it('tests a kernel file the way its launchers ask', async () => {
    const file = write('config.yaml', 'mixed-port: 7890\nrules: ["MATCH,DIRECT"]\n');
    const good = await sluice('-d', folder, '-f', file, '-t');
    assert.equal(good.code, 0);
    assert.match(good.stdout.toString(), /configuration file .*config\.yaml test is successful/);
    const bad = await sluice('-t', '-f', write('broken.yaml', 'rules: ["DOMAIN,a,NOPE"]\n'));
    assert.equal(bad.code, 1);
    assert.match(bad.stdout.toString(), /test failed/);
  });

  it('prints a JSON Schema and completions', async () => {
    const schema = JSON.parse((await sluice('schema')).stdout.toString()) as {
      properties: Record<string, unknown>;
    };
    assert.deepEqual(Object.keys(schema.properties), [
      'control',
      'data-dir',
      'watch',
      'log',
      'route',
      'inspect',
      'media',
    ]);
    assert.match((await sluice('completion', 'bash')).stdout.toString(), /complete .*sluice/);
    const syntax = await runProgram('bash', [
      '-n',
      write('completion.bash', (await sluice('completion', 'bash')).stdout.toString()),
    ]);
    assert.equal(syntax.code, 0, syntax.stderr);
  });

  it('exports and regenerates the certificate authority', async () => {
    const config = write('ca.yaml', 'data-dir: ./ca-data\ninspect: { ca-key: ec }\n');
    const first = await sluice('ca', 'export', '-c', config);
    assert.match(first.stdout.toString(), /^-----BEGIN CERTIFICATE-----/);
    const path = (await sluice('ca', 'path', '-c', config)).stdout.toString().trim();
    assert.equal(readFileSync(path, 'utf8'), first.stdout.toString());
    const p12 = join(folder, 'ca.p12');
    assert.equal((await sluice('ca', 'export', '-c', config, '--format', 'p12', '--out', p12)).code, 0);
    assert.equal(readFileSync(p12)[0], 0x30);
    assert.equal((await sluice('ca', 'regenerate', '-c', config)).code, 1, 'it asks first');
    assert.equal((await sluice('ca', 'regenerate', '-c', config, '--yes')).code, 0);
    assert.notEqual((await sluice('ca', 'export', '-c', config)).stdout.toString(), first.stdout.toString());
  });
});

describe('a running gateway', () => {
  it('prints one screen, reloads on SIGHUP, refuses a bad reload, stops on SIGTERM', async () => {
    const ports = await pickPorts();
    const file = write('run.yaml', gatewayYaml(ports, { route: '  rules: ["MATCH,DIRECT"]' }));
    const { child, output } = run('run', '-c', file);
    await until('the start screen', () => (output().includes('Data ') ? true : undefined));
    for (const expected of [
      `http://127.0.0.1:${ports.control}/ui/`,
      `127.0.0.1:${ports.mixed}`,
      `127.0.0.1:${ports.capture}`,
      `rtmp://127.0.0.1:${ports.rtmp}/live/NAME`,
      `http://127.0.0.1:${ports.http}/live/NAME.live.flv`,
      'ca.pem',
    ]) {
      assert.ok(output().includes(expected), `${expected} in ${output()}`);
    }
    const mode = async (): Promise<string> =>
      ((await (await fetch(`http://127.0.0.1:${ports.control}/configs`)).json()) as { mode: string }).mode;
    assert.equal(await mode(), 'rule');

    writeFileSync(file, gatewayYaml(ports, { route: '  mode: direct\n  rules: ["MATCH,DIRECT"]' }));
    child.kill('SIGHUP');
    await until('the new mode', async () => ((await mode()) === 'direct' ? true : undefined));

    writeFileSync(file, gatewayYaml(ports, { route: '  mode: global\n  rules: ["MATCH,NOWHERE"]' }));
    child.kill('SIGHUP');
    await until('the refusal', () =>
      output().includes('reload failed, nothing changed') ? true : undefined,
    );
    assert.equal(await mode(), 'direct');

    child.kill('SIGTERM');
    assert.equal(await exitOf(child), 0);
  });

  it('refuses to start twice on the same control port, saying why', async () => {
    const ports = await pickPorts();
    const file = write('twice.yaml', gatewayYaml(ports));
    const first = run('run', '-c', file);
    await until('the start screen', () => (first.output().includes('Data ') ? true : undefined));
    const second = await sluice('run', '-c', file);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /cannot start: .*(is another instance running\?)/);
    first.child.kill('SIGINT');
    assert.equal(await exitOf(first.child), 0);
  });
});
