import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createServer } from 'node:tls';
import { RouteRig, readExactly } from '../testing/route-rig.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../testing/test-certificate.ts';

describe('TLS to a proxy server', () => {
  let rig: RouteRig;
  beforeEach(() => {
    rig = new RouteRig();
  });
  afterEach(() => rig.close());

  /** An HTTPS proxy that answers every CONNECT and then echoes; the names it was asked for by SNI. */
  async function tlsProxy() {
    const names: (string | false | null)[] = [];
    const open: Socket[] = [];
    const server = createServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, (socket) => {
      names.push(socket.servername);
      open.push(socket);
      socket.on('error', () => socket.destroy());
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.pipe(socket);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    rig.onClose(() => {
      for (const socket of open) socket.destroy();
      server.close();
    });
    return { port: (server.address() as AddressInfo).port, names };
  }

  const fingerprint = new X509Certificate(TEST_CERTIFICATE).fingerprint256;

  for (const [name, options, works] of [
    ['an unknown authority is refused', {}, false],
    ['skip-cert-verify accepts it', { 'skip-cert-verify': true }, true],
    ['the right fingerprint accepts it', { fingerprint }, true],
    ['a wrong fingerprint is refused', { fingerprint: 'ab'.repeat(32), 'skip-cert-verify': true }, false],
  ] as const) {
    it(name, async () => {
      const { port, names } = await tlsProxy();
      const node = {
        name: 'n',
        type: 'http',
        server: '127.0.0.1',
        port,
        tls: true,
        sni: 'proxy.test',
        ...options,
      };
      const { dialer } = await rig.start({ proxies: [node], rules: ['MATCH,n'] });
      const dialing = dialer.dial({ host: 'x.test', port: 1, purpose: 'test' });
      if (!works) return assert.rejects(dialing, { name: 'GatewayError' });
      const { stream } = await dialing;
      stream.write('hello');
      assert.equal((await readExactly(stream as Socket, 5)).toString(), 'hello');
      assert.deepEqual(names, ['proxy.test']);
      stream.destroy();
    });
  }
});
