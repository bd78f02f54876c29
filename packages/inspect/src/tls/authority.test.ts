import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openCa, regenerateCa } from './authority.ts';

const root = mkdtempSync(join(tmpdir(), 'sluice-ca-'));
after(() => rmSync(root, { recursive: true, force: true }));

const DAY_MS = 86_400_000;

test('an authority is created once and reopened the same', async () => {
  const directory = join(root, 'fresh', 'ca');
  const created = await openCa(directory);
  const reopened = await openCa(directory);
  assert.deepEqual(reopened.view, created.view);
  assert.match(created.view.subject, /O=Sluice, CN=Sluice CA [0-9a-f]{8}$/);
  assert.equal(created.view.path, join(directory, 'ca.pem'));
  assert.equal(statSync(join(directory, 'ca.key')).mode & 0o777, 0o600);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(directory).sort(), ['ca.key', 'ca.pem']);
  const years = (created.view.notAfterMs - created.view.notBeforeMs) / (365.25 * DAY_MS);
  assert.ok(years > 9.9 && years < 10.1);
  assert.ok(created.view.notBeforeMs < Date.now() - DAY_MS);
  const certificate = new X509Certificate(readFileSync(join(directory, 'ca.pem')));
  assert.equal(certificate.publicKey.asymmetricKeyType, 'rsa');
  assert.equal(certificate.ca, true);
  assert.ok(certificate.verify(certificate.publicKey));
  assert.equal(created.expiresSoon(Date.now()), false);
  assert.equal(created.expiresSoon(created.view.notAfterMs - 29 * DAY_MS), true);
});

test('openssl reads the extensions of the certificate', async () => {
  const { view } = await openCa(join(root, 'fresh', 'ca'));
  const text = execFileSync('openssl', ['x509', '-in', view.path, '-noout', '-text'], { encoding: 'utf8' });
  assert.match(text, /Basic Constraints: critical\s+CA:TRUE/);
  assert.match(text, /Key Usage: critical\s+Certificate Sign, CRL Sign/);
  assert.match(text, /Subject Key Identifier/);
});

test('two openings at once agree', async () => {
  const directory = join(root, 'race');
  const opened = await Promise.all([1, 2, 3].map(() => openCa(directory, { keyType: 'ec' })));
  assert.equal(new Set(opened.map(({ view }) => view.sha256)).size, 1);
  assert.deepEqual(readdirSync(directory).sort(), ['ca.key', 'ca.pem']);
});

test('regenerating replaces key and certificate', async () => {
  const directory = join(root, 'race');
  const before = await openCa(directory);
  const renewed = await regenerateCa(directory, { keyType: 'ec' });
  assert.notEqual(renewed.view.sha256, before.view.sha256);
  assert.deepEqual((await openCa(directory)).view, renewed.view);
});

test('a file that cannot be used is never replaced', async () => {
  const directory = join(root, 'broken');
  await openCa(directory, { keyType: 'ec' });
  const keyPath = join(directory, 'ca.key');
  const key = readFileSync(keyPath, 'utf8');

  writeFileSync(keyPath, 'not a key');
  await assert.rejects(openCa(directory), { code: 'inspect.ca-unusable' });
  assert.equal(readFileSync(keyPath, 'utf8'), 'not a key');

  rmSync(keyPath);
  await assert.rejects(openCa(directory), /its key is missing/);

  await openCa(join(root, 'other'), { keyType: 'ec' });
  writeFileSync(keyPath, readFileSync(join(root, 'other', 'ca.key')));
  await assert.rejects(openCa(directory), /does not belong to ca\.key/);

  writeFileSync(keyPath, key);
  writeFileSync(join(directory, 'ca.pem'), 'garbage');
  await assert.rejects(openCa(directory), /not a certificate/);
});

test('a lost certificate is made again under the same name and key', async () => {
  const directory = join(root, 'lost');
  const before = await openCa(directory, { keyType: 'ec' });
  rmSync(join(directory, 'ca.pem'));
  const again = await openCa(directory);
  assert.equal(again.view.subject, before.view.subject);
  assert.deepEqual(again.issuer.keyId, before.issuer.keyId);
});

test('an unreadable directory is an error with a path, not a new authority', {
  skip: process.getuid?.() === 0,
}, async () => {
  const directory = join(root, 'locked');
  await openCa(directory, { keyType: 'ec' });
  chmodSync(join(directory, 'ca.key'), 0o000);
  await assert.rejects(openCa(directory), { code: 'inspect.ca-unusable' });
});

for (const keyType of ['rsa', 'ec'] as const) {
  test(`the ${keyType} certificate is exported in three forms`, async () => {
    const authority = await openCa(join(root, `export-${keyType}`), { keyType });
    const pem = await authority.export('pem');
    const der = await authority.export('der');
    assert.equal(new X509Certificate(pem).fingerprint256, authority.view.sha256);
    assert.equal(new X509Certificate(der).fingerprint256, authority.view.sha256);
    const p12Path = join(root, `${keyType}.p12`);
    writeFileSync(p12Path, await authority.export('p12'));
    const text = execFileSync('openssl', ['pkcs12', '-in', p12Path, '-passin', 'pass:', '-nokeys'], {
      encoding: 'utf8',
    });
    assert.equal(
      new X509Certificate(text.slice(text.indexOf('-----BEGIN'))).fingerprint256,
      authority.view.sha256,
    );
  });
}
