import { networkInterfaces } from 'node:os';
import { TUN_MEMBERS } from './tun-members.ts';

/**
 * The inbounds of the control API that this gateway does not open: TUN and the TUIC server. What clients set of TUN is kept
 * until the next reload, so that they read back what they wrote; both are always shown as switched off.
 */
export class AbsentInbounds {
  #tun: ReadonlyMap<string, unknown> = new Map();

  /** Keeps members as `decodeTun` gave them. */
  setTun(members: ReadonlyMap<string, unknown>): void {
    this.#tun = new Map([...this.#tun, ...members]);
  }

  reset(): void {
    this.#tun = new Map();
  }

  /** The `tun` member of the settings, in declared order; empty members are left out but for those that are always there. */
  tunRecord(tunAddress: string, ipv6: boolean): object {
    const values = new Map<string, unknown>([
      ['device', ''],
      ['stack', 'gVisor'],
      ['dns-hijack', ['0.0.0.0:53']],
      ['auto-route', true],
      ['auto-detect-interface', true],
      ['inet4-address', [tunAddress]],
      ['inet6-address', ipv6 && hasGlobalIpv6() ? ['fdfe:dcba:9876::1/126'] : []],
      ['file-descriptor', 0],
      ['recvmsgx', true],
      ...this.#tun,
      ['enable', false],
    ]);
    const shown = TUN_MEMBERS.filter(({ name, always }) => always === true || !isEmpty(values.get(name)));
    return Object.fromEntries(shown.map(({ name }) => [name, nullWhenEmptyList(values.get(name))]));
  }
}

/** The `tuic-server` member of the settings while none runs. */
export const TUIC_SERVER_RECORD = {
  enable: false,
  listen: '',
  certificate: '',
  'private-key': '',
  'ech-key': '',
  'mux-option': { brutal: { enabled: false } },
};

function isEmpty(value: unknown): boolean {
  return !value || (Array.isArray(value) && value.length === 0);
}

function nullWhenEmptyList(value: unknown): unknown {
  return Array.isArray(value) && value.length === 0 ? null : value;
}

/** Whether this machine has an address of 2000::/3 (RFC 4291 §2.4). */
function hasGlobalIpv6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(
      ({ family, internal, address }) => family === 'IPv6' && !internal && /^[23][0-9a-f]{3}:/i.test(address),
    ),
  );
}
