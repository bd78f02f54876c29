// Opens connections through a proxy, sends one byte there and back over each, and holds them.
import { createServer, type Socket } from 'node:net';
import { openThrough, type Via } from './proxied-connection.ts';
import { failLoad, loadOptions, report } from './report.ts';

type HoldLoad = {
  readonly via: Via;
  readonly proxyPort: number;
  readonly echoPort: number;
  readonly connections: number;
};

const options = loadOptions<HoldLoad>();
const IN_FLIGHT = 32;
const held: Socket[] = [];
let started = 0;

const echo = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes) => socket.write(bytes));
});

function next(): void {
  if (started === options.connections) return;
  started += 1;
  const socket = openThrough(
    options.via,
    options.proxyPort,
    options.echoPort,
    (opened) => void opened.write('x'),
    () => {
      held.push(socket);
      if (held.length === options.connections) report('ready');
      else next();
    },
  );
  socket.on('error', failLoad);
  socket.on('close', () => failLoad(`a connection was closed, ${held.length} held`));
}

echo.listen(options.echoPort, '127.0.0.1', 1024, () => {
  for (let index = 0; index < IN_FLIGHT; index++) next();
});
