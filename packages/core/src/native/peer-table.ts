import type { Endpoint } from '@sluice/base/address';
import { encodeSocketAddress, FAMILY_IPV4, parseSocketAddress } from './socket-address.ts';

/** A `sockaddr` and what it says. */
export type NamedEndpoint = Endpoint & { readonly name: Int32Array };

const LIMIT = 8_192;
const NAME_WORDS = 8;
const IPV4_WORDS = 4;
const IPV6_WORDS = 7;
// The words of a mapped IPv4 address (`::ffff:0:0/96`), as a little-endian machine reads them.
const MAPPED_WORD = 0xffff_0000 | 0;

/** Senders that were seen not long ago, by their `sockaddr`s; the same sender gives the same object. Bounded. */
export class PeerTable {
  readonly #byNumber = new Map<number, NamedEndpoint>();
  readonly #byText = new Map<string, NamedEndpoint>();
  readonly #isIpv6: boolean;
  #last: NamedEndpoint | undefined;

  constructor(family: 4 | 6) {
    this.#isIpv6 = family === 6;
  }

  /** The peer whose `sockaddr` is in a slot of eight words; `undefined` when that is no IP address. */
  find(names: Int32Array, slot: number): NamedEndpoint | undefined {
    const at = slot * NAME_WORDS;
    const last = this.#last;
    if (last !== undefined && this.#isSame(last.name, names, at)) return last;
    const found = this.#isIpv6 && !isMapped(names, at) ? this.#byIpv6(names, at) : this.#byIpv4(names, at);
    this.#last = found;
    return found;
  }

  #isSame(name: Int32Array, names: Int32Array, at: number): boolean {
    if (name[0] !== names[at] || name[1] !== names[at + 1]) return false;
    if (!this.#isIpv6) return true;
    for (let word = 2; word < IPV6_WORDS; word++) if (name[word] !== names[at + word]) return false;
    return true;
  }

  #byIpv4(names: Int32Array, at: number): NamedEndpoint | undefined {
    const address = (names[this.#isIpv6 ? at + 5 : at + 1] as number) >>> 0;
    const key = address * 0x1_0000 + ((names[at] as number) >>> 16);
    const known = this.#byNumber.get(key);
    if (known !== undefined) return known;
    const peer = this.#parse(names, at);
    if (peer !== undefined) keep(this.#byNumber, key, peer);
    return peer;
  }

  #byIpv6(names: Int32Array, at: number): NamedEndpoint | undefined {
    const key = names.subarray(at, at + IPV6_WORDS).join();
    const known = this.#byText.get(key);
    if (known !== undefined) return known;
    const peer = this.#parse(names, at);
    if (peer !== undefined) keep(this.#byText, key, peer);
    return peer;
  }

  #parse(names: Int32Array, at: number): NamedEndpoint | undefined {
    const name = names.slice(at, at + (this.#isIpv6 ? IPV6_WORDS : IPV4_WORDS));
    const endpoint = parseSocketAddress(new Uint8Array(name.buffer));
    return endpoint === undefined ? undefined : { ...endpoint, name };
  }
}

/** An end point with the `sockaddr` of a family; `host` is an IP literal. */
export function namedEndpoint({ host, port }: Endpoint, family: number): NamedEndpoint {
  const bytes = encodeSocketAddress({ host, port }, family);
  const name = new Int32Array(family === FAMILY_IPV4 ? IPV4_WORDS : IPV6_WORDS);
  new Uint8Array(name.buffer).set(bytes);
  return { host, port, name };
}

function isMapped(names: Int32Array, at: number): boolean {
  return names[at + 2] === 0 && names[at + 3] === 0 && names[at + 4] === MAPPED_WORD;
}

function keep<K>(table: Map<K, NamedEndpoint>, key: K, peer: NamedEndpoint): void {
  const [oldest] = table.size >= LIMIT ? table.keys() : [];
  if (oldest !== undefined) table.delete(oldest);
  table.set(key, peer);
}
