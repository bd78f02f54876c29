import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { FakeClock } from '@sluice/base/clock';
import { type CertificateAuthority, openCa } from './authority.ts';
import { certificateName, LeafContexts } from './leaf.ts';

const root = mkdtempSync(join(tmpdir(), 'sluice-leaf-'));
after(() => rmSync(root, { recursive: true, force: true }));
const DAY_MS = 86_400_000;

const authorities: Partial<Record<'rsa' | 'ec', CertificateAuthority>> = {};
before(async () => {
  authorities.rsa = await openCa(join(root, 'rsa'), { keyType: 'rsa' });
  authorities.ec = await openCa(join(root, 'ec'), { keyType: 'ec' });
});

/** The certificate that a verifying client sees when it connects by `checkedName`. */
async function shake(
  authority: CertificateAuthority,
  leaves: LeafContexts,
  name: string,
  also: string,
  checkedName: string,
) {
  const server = createServer((socket: Socket) => {
    const secure = new TLSSocket(socket, { isServer: true, secureContext: leaves.contextFor(name, also) });
    secure.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const client = connectTls({
    socket: connect(port, '127.0.0.1'),
    host: checkedName,
    ca: (await authority.export('pem')).toString(),
  });
  try {
    await new Promise((resolve, reject) => client.once('secureConnect', resolve).once('error', reject));
    return new X509Certificate(client.getPeerX509Certificate()?.raw as Buffer);
  } finally {
    client.destroy();
    server.close();
  }
}

for (const keyType of ['rsa', 'ec'] as const) {
  test(`leaves of an ${keyType} authority satisfy a verifying client`, async () => {
    const authority = authorities[keyType] as CertificateAuthority;
    const leaves = new LeafContexts(authority, new FakeClock(Date.now()));
    for (const [name, also, checked] of [
      ['a.test', 'a.test', 'a.test'],
      ['a.test', 'b.test', 'b.test'],
      ['127.0.0.1', '127.0.0.1', '127.0.0.1'],
      ['a.test', '10.1.2.3', '10.1.2.3'],
      ['::1', '::1', '::1'],
      ['2001:db8::ff00:42', 'x.test', '2001:db8::ff00:42'],
      ['a_b.c.test', 'a_b.c.test', 'x.c.test'],
      ['例子.test', '例子.test', 'xn--fsqu00a.test'],
      [`${'a'.repeat(60)}.test`, 'a.test', `${'a'.repeat(60)}.test`],
    ] as const) {
      const leaf = await shake(authority, leaves, name, also, checked);
      const days = (leaf.validToDate.getTime() - leaf.validFromDate.getTime()) / DAY_MS;
      assert.ok(days > 44 && days < 46, String(days));
    }
  });
}

test('a client that asks for another name refuses', async () => {
  const authority = authorities.ec as CertificateAuthority;
  const leaves = new LeafContexts(authority, new FakeClock(Date.now()));
  await assert.rejects(shake(authority, leaves, 'a.test', 'a.test', 'b.test'), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  });
});

test('contexts are kept, renewed before they expire, and bounded', () => {
  const clock = new FakeClock(Date.now());
  const leaves = new LeafContexts(authorities.ec as CertificateAuthority, clock, 3);
  const first = leaves.contextFor('a.test', 'a.test');
  assert.equal(leaves.contextFor('a.test', 'a.test'), first);
  clock.advance(43 * DAY_MS - 3_599_000);
  const renewed = leaves.contextFor('a.test', 'a.test');
  assert.notEqual(renewed, first);
  for (const name of ['b.test', 'c.test', 'a.test', 'd.test']) leaves.contextFor(name, name);
  assert.equal(leaves.size, 3);
  assert.equal(leaves.contextFor('a.test', 'a.test'), renewed);
});

test('names that no certificate can carry are refused', () => {
  assert.equal(certificateName('a.test.'), 'a.test');
  for (const name of [
    '',
    'a_b.test',
    'x.a_b.test',
    '_a',
    'a b.test',
    'a..test',
    '*.test',
    `${'a'.repeat(64)}.test`,
    'a/b',
  ]) {
    assert.throws(() => certificateName(name), { code: 'inspect.leaf-name' }, name);
  }
});
