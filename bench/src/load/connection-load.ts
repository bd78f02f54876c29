// Opens connections through a proxy, one byte there and back, closes them, opens the next; a fixed number at a time.
import { createServer } from 'node:net';
import { openThrough, type Via } from './proxied-connection.ts';
import { failLoad, loadOptions, measureWindow } from './report.ts';

type ConnectionLoad = {
  readonly via: Via;
  readonly proxyPort: number;
  readonly echoPort: number;
  readonly inFlight: number;
  readonly seconds: number;
};

const options = loadOptions<ConnectionLoad>();
const ONE = Buffer.of(42);
// A gateway that has just been started compiles what it often does after some thousand connections.
const WARM_UP_MS = 4_000;
let done = 0;
let failed = 0;

const echo = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes) => socket.write(bytes));
});

function next(): void {
  const socket = openThrough(
    options.via,
    options.proxyPort,
    options.echoPort,
    (opened) => void opened.write(ONE),
    () => {
      done += 1;
      socket.destroy();
    },
  );
  socket.on('error', () => {
    failed += 1;
  });
  socket.once('close', next);
}

echo.listen(options.echoPort, '127.0.0.1', 1024, async () => {
  for (let index = 0; index < options.inFlight; index++) next();
  await measureWindow(WARM_UP_MS, options.seconds, () => ({ connections: done, failed }));
  if (done === 0) failLoad('no connection came through');
});
