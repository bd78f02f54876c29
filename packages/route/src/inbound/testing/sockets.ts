import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Everything a stream sends until it ends. */
export async function readAll(socket: net.Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The next `count` bytes of a stream. @throws Error when it ends before */
export async function readExactly(socket: net.Socket, count: number): Promise<Buffer> {
  let bytes: Buffer = Buffer.alloc(0);
  while (bytes.length < count) {
    const chunk = socket.read() as Buffer | null;
    if (chunk !== null) {
      bytes = Buffer.concat([bytes, chunk]);
      continue;
    }
    if (socket.readableEnded || socket.destroyed)
      throw new Error(`ended after ${bytes.length} of ${count} bytes`);
    await new Promise<void>((resolve) => {
      const done = () => {
        socket.off('readable', done).off('end', done).off('close', done);
        resolve();
      };
      socket.on('readable', done).on('end', done).on('close', done);
    });
  }
  if (bytes.length > count) socket.unshift(bytes.subarray(count));
  return bytes.subarray(0, count);
}

/** Waits until a condition holds, looking after every turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
