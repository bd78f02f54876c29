import { createPrivateKey, generateKeyPair, type KeyObject, randomUUID, X509Certificate } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { errorText, GatewayError } from '@sluice/base/errors';
import type { CaView } from '../port.ts';
import { createCaCertificate, type Issuer, readIssuerNames } from './certificate.ts';
import { toPem } from './der.ts';

/** The key of an authority that has to be created. */
export type CaKeyType = 'rsa' | 'ec';

/** The local authority that signs the certificates shown to clients. */
export type CertificateAuthority = {
  readonly issuer: Issuer;
  readonly certificate: Buffer;
  readonly view: CaView;
  /** Expired, or about to within 30 days. */
  expiresSoon(nowMs: number): boolean;
  /** The certificate without its key; `p12` has an empty password. */
  export(format: 'pem' | 'der' | 'p12'): Promise<Buffer>;
};

const EXPIRY_WARNING_MS = 30 * 86_400_000;
const generate = promisify(generateKeyPair);

/**
 * Opens the authority kept in `directory` (`ca.key`, `ca.pem`), creating what does not exist yet. A file that exists but
 * cannot be used is never replaced.
 * @throws GatewayError `inspect.ca-unusable`
 */
export async function openCa(
  directory: string,
  options: { readonly keyType?: CaKeyType } = {},
): Promise<CertificateAuthority> {
  const { keyPath, certificatePath } = pathsIn(directory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  let keyPem = await readIfPresent(keyPath);
  let certificatePem = await readIfPresent(certificatePath);
  if (keyPem === undefined) {
    if (certificatePem !== undefined) throw unusable(certificatePath, 'its key is missing');
    await createExclusive(keyPath, await generateKeyPem(options.keyType ?? 'rsa'), 0o600);
    keyPem = await readFile(keyPath, 'utf8');
  }
  const key = readKey(keyPath, keyPem);
  if (certificatePem === undefined) {
    // The same key gives the same name and key identifier, so devices that trust an earlier certificate still do.
    await createExclusive(certificatePath, toPem(createCaCertificate(key, Date.now())), 0o644);
    certificatePem = await readFile(certificatePath, 'utf8');
  }
  return readAuthority(certificatePath, certificatePem, key);
}

/** Replaces the authority in `directory` by a new one; whatever trusted the old one has to be told. */
export async function regenerateCa(
  directory: string,
  options: { readonly keyType?: CaKeyType } = {},
): Promise<CertificateAuthority> {
  const { keyPath, certificatePath } = pathsIn(directory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const staged = await writeStaged(keyPath, await generateKeyPem(options.keyType ?? 'rsa'), 0o600);
  // Without its certificate a key is complete after the next opening, so stopping at any point leaves a usable directory.
  await rm(certificatePath, { force: true });
  await rename(staged, keyPath);
  return openCa(directory);
}

function pathsIn(directory: string): { readonly keyPath: string; readonly certificatePath: string } {
  return { keyPath: join(directory, 'ca.key'), certificatePath: join(directory, 'ca.pem') };
}

async function generateKeyPem(keyType: CaKeyType): Promise<string> {
  const { privateKey } =
    keyType === 'rsa'
      ? await generate('rsa', { modulusLength: 2048 })
      : await generate('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' });
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw unusable(path, errorText(error), error);
  }
}

/** Makes `path` appear complete, or leaves the one that another process made first. */
async function createExclusive(path: string, text: string, mode: number): Promise<void> {
  const staged = await writeStaged(path, text, mode);
  try {
    await link(staged, path);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw unusable(path, errorText(error), error);
  } finally {
    await rm(staged, { force: true });
  }
}

async function writeStaged(path: string, text: string, mode: number): Promise<string> {
  const staged = `${path}.${randomUUID()}.new`;
  try {
    const file = await open(staged, 'wx', mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await chmod(staged, mode);
  } catch (error) {
    throw unusable(path, errorText(error), error);
  }
  return staged;
}

function readKey(path: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw unusable(path, 'it is not a private key', error);
  }
}

function readAuthority(path: string, pem: string, key: KeyObject): CertificateAuthority {
  const certificate = readCertificate(path, pem);
  if (!certificate.checkPrivateKey(key)) throw unusable(path, 'it does not belong to ca.key');
  if (!certificate.ca) throw unusable(path, 'it is not the certificate of an authority');
  const view: CaView = {
    subject: certificate.subject.split('\n').join(', '),
    path,
    sha256: certificate.fingerprint256,
    notBeforeMs: certificate.validFromDate.getTime(),
    notAfterMs: certificate.validToDate.getTime(),
  };
  return {
    issuer: { ...readIssuerNames(certificate.raw), key },
    certificate: certificate.raw,
    view,
    expiresSoon: (nowMs) => view.notAfterMs - nowMs < EXPIRY_WARNING_MS,
    export: (format) => exportCertificate(certificate.raw, format),
  };
}

function readCertificate(path: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw unusable(path, 'it is not a certificate', error);
  }
}

async function exportCertificate(der: Buffer, format: 'pem' | 'der' | 'p12'): Promise<Buffer> {
  if (format === 'der') return der;
  if (format === 'pem') return Buffer.from(toPem(der));
  // Loaded only when asked for: it is large and rarely needed.
  const { encodeCertificateP12 } = await import('./p12.ts');
  return encodeCertificateP12(der);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function unusable(path: string, why: string, cause?: unknown): GatewayError {
  return new GatewayError(
    'unavailable',
    'inspect.ca-unusable',
    `the authority in ${path} cannot be used: ${why}`,
    { cause },
  );
}
