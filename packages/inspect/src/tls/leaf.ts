import { generateKeyPairSync } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { domainToASCII } from 'node:url';
import type { Clock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import type { CertificateAuthority } from './authority.ts';
import { createLeafCertificate, LEAF_VALIDITY_MS, publicKeyDer } from './certificate.ts';
import { toPem } from './der.ts';

const MAX_CONTEXTS = 1000;
const RENEW_BEFORE_MS = 3_600_000;

type Entry = { readonly context: SecureContext; readonly renewAtMs: number };

/**
 * TLS server contexts for intercepted hosts, least recently used forgotten first. All leaves share one P-256 key, which
 * lives as long as this object.
 */
export class LeafContexts {
  readonly #authority: CertificateAuthority;
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #entries = new Map<string, Entry>();
  readonly #keyPem: string;
  readonly #spki: Buffer;

  constructor(authority: CertificateAuthority, clock: Clock, capacity = MAX_CONTEXTS) {
    this.#authority = authority;
    this.#clock = clock;
    this.#capacity = capacity;
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    this.#spki = publicKeyDer(publicKey);
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * The context whose certificate names `name` and, when it differs, `alsoFor`; both are host names or literal IPs.
   * @throws GatewayError `inspect.leaf-name` when no certificate can name the host
   */
  contextFor(name: string, alsoFor: string): SecureContext {
    const key = name === alsoFor ? name : `${name} ${alsoFor}`;
    const known = this.#entries.get(key);
    const nowMs = this.#clock.now();
    if (known !== undefined) {
      this.#entries.delete(key);
      if (nowMs < known.renewAtMs) {
        this.#entries.set(key, known);
        return known.context;
      }
    }
    const names: [string, ...string[]] = [certificateName(name)];
    const other = certificateName(alsoFor);
    if (other !== names[0]) names.push(other);
    const certificate = createLeafCertificate(this.#authority.issuer, this.#spki, names, nowMs);
    const context = createSecureContext({
      key: this.#keyPem,
      cert: toPem(certificate),
      minVersion: 'TLSv1.2',
    });
    if (this.#entries.size >= this.#capacity) this.#forgetOldest();
    this.#entries.set(key, { context, renewAtMs: nowMs + LEAF_VALIDITY_MS - RENEW_BEFORE_MS });
    return context;
  }

  #forgetOldest(): void {
    for (const key of this.#entries.keys()) {
      this.#entries.delete(key);
      return;
    }
  }
}

/**
 * The name a certificate can carry for a host: IDNA in ASCII, without a trailing dot, and a wildcard one level up for
 * names with an underscore in the first label.
 * @throws GatewayError `inspect.leaf-name`
 */
export function certificateName(host: string): string {
  if (isIP(host) > 0) return host;
  const bare = host.endsWith('.') ? host.slice(0, -1) : host;
  const ascii = /^[\w.-]*$/.test(bare) ? bare.toLowerCase() : toAscii(bare);
  const labels = ascii.split('.');
  if (ascii.length > 253 || labels.some((label) => !/^[a-z0-9_-]{1,63}$/.test(label))) throw unnameable(host);
  if (!ascii.includes('_')) return ascii;
  const parent = labels.slice(1);
  if (parent.length < 2 || parent.some((label) => label.includes('_'))) throw unnameable(host);
  return `*.${parent.join('.')}`;
}

// The URL parser behind domainToASCII stops at delimiters instead of refusing them.
function toAscii(name: string): string {
  return /[\s/?#@:\\]/.test(name) ? '' : domainToASCII(name);
}

function unnameable(host: string): GatewayError {
  return new GatewayError('invalid', 'inspect.leaf-name', `no certificate can name "${host}"`);
}
