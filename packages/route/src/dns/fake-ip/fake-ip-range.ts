import { GatewayError } from '@sluice/base/errors';
import { type Cidr, formatIp, type Ipv6Words, maskWord, parseCidr, parseIp } from '@sluice/base/ip';

/** Distance of the first address that is handed out from the network address. */
const FIRST_SLOT = 4;
const GATEWAY_SLOT = 1;
/** A range of IPv6 has more addresses than there are names; the pool starts over after this many. */
const V6_SLOTS = 2 ** 20;

/**
 * The prefix that fake addresses come from. Addresses are counted by slot, their distance from the network address:
 * slot 1 is the gateway, 4 the first that is handed out, `lastSlot` (in IPv4 the broadcast address) is never handed out.
 */
export class FakeIpRange {
  readonly family: 4 | 6;
  /** Network address and prefix length. */
  readonly text: string;
  readonly firstSlot = FIRST_SLOT;
  readonly lastSlot: number;
  readonly #prefixLength: number;
  readonly #network: Ipv6Words;

  /** @throws GatewayError `dns.fake-ip-range` for a text that is no prefix or one with too few addresses */
  constructor(text: string) {
    const cidr = parseCidr(text.trim());
    if (cidr === undefined)
      throw new GatewayError('invalid', 'dns.fake-ip-range', `"${text}" is not a prefix like 198.18.0.1/16`);
    this.family = cidr.address.family;
    this.#prefixLength = cidr.prefixLength;
    this.#network = networkOf(cidr);
    const addresses = 2 ** ((this.family === 4 ? 32 : 128) - cidr.prefixLength);
    this.lastSlot = (this.family === 4 ? addresses : Math.min(addresses, V6_SLOTS)) - 1;
    if (this.lastSlot <= FIRST_SLOT)
      throw new GatewayError('invalid', 'dns.fake-ip-range', "ipnet don't have valid ip");
    this.text = `${this.ipAt(0)}/${cidr.prefixLength}`;
  }

  /** The address at network + 1. */
  get gateway(): string {
    return this.ipAt(GATEWAY_SLOT);
  }

  /** The highest address of an IPv4 range, `''` for IPv6. */
  get broadcast(): string {
    return this.family === 4 ? this.ipAt(this.lastSlot) : '';
  }

  ipAt(slot: number): string {
    const [first, second, third, fourth] = this.#network;
    const low = fourth + slot;
    return formatIp(
      this.family === 4 ? { family: 4, value: low } : { family: 6, words: [first, second, third, low] },
    );
  }

  /** The slot of an address, -1 for those outside and those that are never handed out. */
  slotOf(ip: string): number {
    const low = this.#lowWordWithin(ip);
    if (low < 0) return -1;
    const slot = low - this.#network[3];
    return slot >= FIRST_SLOT && slot < this.lastSlot ? slot : -1;
  }

  /** Whether the address is in the prefix and neither the gateway nor the broadcast address. */
  isFake(ip: string): boolean {
    const low = this.#lowWordWithin(ip);
    if (low < 0) return false;
    const slot = low - this.#network[3];
    return slot !== GATEWAY_SLOT && !(this.family === 4 && slot === this.lastSlot);
  }

  /** The last word of an address in the prefix (`2 ** 32` when an upper word shows that it is out of reach), -1 when outside. */
  #lowWordWithin(ip: string): number {
    const address = parseIp(ip);
    if (address === undefined || address.family !== this.family) return -1;
    if (address.family === 4) {
      const network = maskWord(address.value, this.#prefixLength);
      return network === this.#network[3] ? address.value : -1;
    }
    const words = address.words;
    for (let index = 0; index < 4; index++) {
      const bits = this.#prefixLength - index * 32;
      if (maskWord(words[index] as number, bits) !== this.#network[index]) return -1;
    }
    const [first, second, third] = this.#network;
    const isNear = words[0] === first && words[1] === second && words[2] === third;
    return isNear ? words[3] : 2 ** 32;
  }
}

/** The network address as four words; an IPv4 one is in the last. */
function networkOf({ address, prefixLength }: Cidr): Ipv6Words {
  if (address.family === 4) return [0, 0, 0, maskWord(address.value, prefixLength)];
  const [first, second, third, fourth] = address.words;
  return [
    maskWord(first, prefixLength),
    maskWord(second, prefixLength - 32),
    maskWord(third, prefixLength - 64),
    maskWord(fourth, prefixLength - 96),
  ];
}
