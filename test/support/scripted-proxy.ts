import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';

/** A CONNECT proxy on loopback that takes its time, or refuses, as a test tells it to. */
export class ScriptedProxy {
  delayMs = 0;
  isDown = false;
  /** Targets of the CONNECT requests so far. */
  readonly asked: string[] = [];
  readonly #server: net.Server;
  readonly #open = new Set<Socket>();

  constructor() {
    this.#server = net.createServer({ allowHalfOpen: true }, (client) => this.#serve(client));
  }

  async listen(port = 0): Promise<number> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
  }

  #keep(socket: Socket): void {
    this.#open.add(socket);
    socket.on('close', () => this.#open.delete(socket));
    socket.on('error', () => socket.destroy());
  }

  #serve(client: Socket): void {
    this.#keep(client);
    client.once('data', (head: Buffer) => {
      const [, host = '', port = ''] = /^CONNECT ([^:]+):(\d+) /.exec(head.toString()) ?? [];
      this.asked.push(`${host}:${port}`);
      if (this.isDown) {
        client.destroy();
        return;
      }
      setTimeout(() => {
        const target = net.connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true }, () => {
          client.write('HTTP/1.1 200 OK\r\n\r\n');
          client.pipe(target).pipe(client);
        });
        this.#keep(target);
        target.on('close', () => client.destroy());
        client.on('close', () => target.destroy());
      }, this.delayMs).unref();
    });
  }
}
