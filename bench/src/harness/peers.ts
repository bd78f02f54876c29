import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nativeProgram } from './native-program.ts';
import { CORES, PinnedProcess } from './pinned-process.ts';
import { findProgram } from './programs.ts';
import { freePorts } from './workspace.ts';

/** A running peer and the port it listens on. */
export type Peer = { readonly process: PinnedProcess; readonly port: number };

/** Starts a peer in `folder`; `targetPort` is where those go that forward to one place only. Undefined when it is not installed. */
export type StartPeer = (folder: string, targetPort: number) => Promise<Peer | undefined>;

/** haproxy forwarding TCP connections to one target. */
export const startHaproxyTcp: StartPeer = (folder, targetPort) => startHaproxy(folder, targetPort, 'tcp');

/** haproxy forwarding HTTP requests to one target, connections kept on both sides. */
export const startHaproxyHttp: StartPeer = (folder, targetPort) => startHaproxy(folder, targetPort, 'http');

async function startHaproxy(
  folder: string,
  targetPort: number,
  mode: 'tcp' | 'http',
): Promise<Peer | undefined> {
  const program = findProgram('haproxy');
  if (program === undefined) return undefined;
  const [port = 0] = await freePorts(1);
  const file = join(folder, `haproxy-${mode}.cfg`);
  const reuse = mode === 'http' ? '  http-reuse always\n' : '';
  writeFileSync(
    file,
    `global
  maxconn 8000
defaults
  mode ${mode}
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend bench
  bind 127.0.0.1:${port}
  default_backend target
backend target
${reuse}  server target 127.0.0.1:${targetPort}
`,
  );
  return listening(new PinnedProcess(program, { core: CORES.server, args: ['-f', file, '-db'] }), port);
}

/** The SOCKS server dante with no authentication. */
export const startDante: StartPeer = async (folder) => {
  const program = findProgram('danted');
  if (program === undefined) return undefined;
  const [port = 0] = await freePorts(1);
  const file = join(folder, 'danted.conf');
  writeFileSync(
    file,
    `errorlog: stderr
internal: 127.0.0.1 port = ${port}
external: 127.0.0.1
clientmethod: none
socksmethod: none
client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
`,
  );
  return listening(new PinnedProcess(program, { core: CORES.server, args: ['-f', file] }), port);
};

/** mitmproxy without a user interface, verifying nothing upstream. */
export const startMitmproxy: StartPeer = async (folder) => {
  const program = findProgram('mitmdump');
  if (program === undefined) return undefined;
  const [port = 0] = await freePorts(1);
  const args = [
    '-q',
    '--listen-host',
    '127.0.0.1',
    '-p',
    String(port),
    '--ssl-insecure',
    '--set',
    `confdir=${folder}`,
  ];
  return listening(new PinnedProcess(program, { core: CORES.server, args }), port);
};

async function listening(process: PinnedProcess, port: number): Promise<Peer> {
  try {
    await process.listening(port);
    return { process, port };
  } catch (error) {
    await process.stop();
    throw error;
  }
}

/** A C program that relays datagrams of SOCKS5 clients. */
export async function startUdpRelay(): Promise<Peer | undefined> {
  const program = nativeProgram('udp-relay');
  if (program === undefined) return undefined;
  const [port = 0] = await freePorts(1);
  const ready = Promise.withResolvers<void>();
  const relay = new PinnedProcess(program, { core: CORES.server, args: [String(port)] }, () =>
    ready.resolve(),
  );
  const ended = relay.closed.then(() => {
    throw new Error(`the C relay ended: ${relay.output}`);
  });
  ended.catch(() => undefined);
  await Promise.race([ready.promise, ended]);
  return { process: relay, port };
}

/** A C program that forwards TCP connections to one place with splice. */
export const startSpliceRelay: StartPeer = async (_folder, targetPort) => {
  const program = nativeProgram('splice-relay');
  if (program === undefined) return undefined;
  const [port = 0] = await freePorts(1);
  const args = [String(port), String(targetPort)];
  return listening(new PinnedProcess(program, { core: CORES.server, args }), port);
};
