import { randomInt } from 'node:crypto';
import dgram from 'node:dgram';
import { networkInterfaces } from 'node:os';
import type { Clock, Timer } from '@sluice/base/clock';
import { errorText, GatewayError } from '@sluice/base/errors';
import { formatIp, parseIpv4 } from '@sluice/base/ip';
import { encodeInform, parseInformReply } from '@sluice/codec/dhcp/inform';

/** The IPv4 address of a network interface. */
export type InterfaceAddress = { readonly address: string; readonly netmask: string; readonly mac: string };

export type DhcpSettings = {
  readonly clock: Clock;
  /** 67 and 68 but in tests. */
  readonly serverPort: number;
  readonly clientPort: number;
  readonly addressOf: (interfaceName: string) => InterfaceAddress | undefined;
};

type Known = {
  readonly servers: readonly string[];
  readonly address: string;
  readonly learntAtMs: number;
  checkedAtMs: number;
};

const SERVERS_LIFE_MS = 3_600_000;
const ADDRESS_LIFE_MS = 20_000;
const REQUEST_LIMIT_MS = 60_000;
const RESEND_MS = 4_000;

/** The settings for real networks. */
export function dhcpSettings(clock: Clock): DhcpSettings {
  return { clock, serverPort: 67, clientPort: 68, addressOf: interfaceAddress };
}

/**
 * DNS servers that DHCP offers on network interfaces, learnt with DHCPINFORM (RFC 2131 §3.4) and kept for an hour or until the
 * interface has another address. Needs the right to use UDP port 68.
 */
export class DhcpServers {
  readonly #settings: DhcpSettings;
  readonly #known = new Map<string, Known>();
  readonly #asking = new Map<string, Promise<readonly string[]>>();
  readonly #stop = new AbortController();

  constructor(settings: DhcpSettings) {
    this.#settings = settings;
  }

  /** @throws GatewayError `dns.dhcp` */
  async current(interfaceName: string): Promise<readonly string[]> {
    const known = this.#known.get(interfaceName);
    if (known !== undefined && this.#isFresh(interfaceName, known)) return known.servers;
    const asking =
      this.#asking.get(interfaceName) ??
      this.#ask(interfaceName).finally(() => this.#asking.delete(interfaceName));
    this.#asking.set(interfaceName, asking);
    return asking;
  }

  close(): void {
    this.#stop.abort();
  }

  #isFresh(interfaceName: string, known: Known): boolean {
    const now = this.#settings.clock.monotonicMs();
    if (now - known.learntAtMs >= SERVERS_LIFE_MS) return false;
    if (now - known.checkedAtMs < ADDRESS_LIFE_MS) return true;
    known.checkedAtMs = now;
    return this.#settings.addressOf(interfaceName)?.address === known.address;
  }

  async #ask(interfaceName: string): Promise<readonly string[]> {
    const { clock, addressOf } = this.#settings;
    const from = addressOf(interfaceName);
    if (from === undefined) throw dhcpError(`interface ${interfaceName} has no IPv4 address`);
    const servers = await inform(from, this.#settings, this.#stop.signal);
    const now = clock.monotonicMs();
    const known = { servers, address: from.address, learntAtMs: now, checkedAtMs: now };
    this.#known.set(interfaceName, known);
    return servers;
  }
}

/** Asks with an address of this machine until a server answers, for at most a minute. */
function inform(
  from: InterfaceAddress,
  { clock, clientPort, serverPort }: DhcpSettings,
  stop: AbortSignal,
): Promise<readonly string[]> {
  const transactionId = randomInt(2 ** 32);
  const address = parseIpv4(from.address);
  // The directed broadcast leaves through the interface with that network, whatever the default route is.
  const broadcast = formatIp({ family: 4, value: (address | ~parseIpv4(from.netmask)) >>> 0 });
  const request = encodeInform(transactionId, address, Buffer.from(from.mac.replaceAll(':', ''), 'hex'));
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true });
    let resending: Timer | undefined;
    let ended = false;
    const end = (report: () => void): void => {
      if (ended) return;
      ended = true;
      stop.removeEventListener('abort', onStop);
      limit.cancel();
      resending?.cancel();
      socket.removeAllListeners().on('error', () => undefined);
      socket.close();
      report();
    };
    const fail = (text: string): void => end(() => reject(dhcpError(text)));
    const onStop = (): void => fail('resolver closed');
    const limit = clock.after(REQUEST_LIMIT_MS, () => fail('no DHCP server answered'));
    const send = () =>
      socket.send(request, serverPort, broadcast, (error) => {
        if (error !== null) fail(errorText(error));
      });
    socket.on('error', (error) => fail(errorText(error)));
    socket.on('message', (bytes) => {
      const servers = readReply(bytes, transactionId);
      if (servers !== undefined && servers.length > 0) end(() => resolve(servers));
    });
    stop.addEventListener('abort', onStop, { once: true });
    socket.bind(clientPort, from.address, () => {
      socket.setBroadcast(true);
      send();
      resending = clock.every(RESEND_MS, send);
    });
    if (stop.aborted) onStop();
  });
}

function readReply(bytes: Uint8Array, transactionId: number): readonly string[] | undefined {
  try {
    return parseInformReply(bytes, transactionId);
  } catch {
    // Garbage is no answer.
    return undefined;
  }
}

function interfaceAddress(interfaceName: string): InterfaceAddress | undefined {
  return networkInterfaces()[interfaceName]?.find(({ family }) => family === 'IPv4');
}

function dhcpError(text: string): GatewayError {
  return new GatewayError('unavailable', 'dns.dhcp', `DHCP: ${text}`);
}
