// Sends through a proxy as fast as it takes, into a sink that counts: connections, one direction.
import { createServer, Socket } from 'node:net';
import { openThrough, type Via } from './proxied-connection.ts';
import { failLoad, loadOptions, measureWindow } from './report.ts';

type RelayLoad = {
  readonly via: Via;
  readonly proxyPort: number;
  readonly sinkPort: number;
  readonly connections: number;
  readonly seconds: number;
};

const options = loadOptions<RelayLoad>();
const block = Buffer.alloc(1 << 20, 7);
const sinkBuffer = Buffer.allocUnsafeSlow(1 << 20);
let received = 0;

const sink = createServer({ pauseOnConnect: true }, (accepted) => {
  // An accepted socket can only read into a buffer of ours when its handle is moved into a new socket.
  const holder = accepted as unknown as { _handle: object | null };
  const handle = holder._handle;
  holder._handle = null;
  const reader = new Socket({
    handle,
    onread: {
      buffer: sinkBuffer,
      callback: (length: number) => {
        received += length;
        return true;
      },
    },
  } as ConstructorParameters<typeof Socket>[0]);
  reader.on('error', () => reader.destroy());
  reader.resume();
  reader.read(0);
});

function send(socket: Socket): void {
  socket.write(block, () => send(socket));
}

sink.listen(options.sinkPort, '127.0.0.1', async () => {
  for (let index = 0; index < options.connections; index++) {
    const socket = openThrough(options.via, options.proxyPort, options.sinkPort, send, () => undefined);
    socket.on('error', failLoad);
    socket.on('close', () => failLoad('a connection was closed'));
  }
  await measureWindow(1_500, options.seconds, () => ({ bytes: received }));
});
