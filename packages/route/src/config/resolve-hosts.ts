import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { unmapIp } from '@sluice/base/address';
import type { ReportIssue } from '@sluice/core/config/issue';
import { HostTable, type HostValue } from './host-table.ts';

/** `hosts` as it is written. */
export type RawHosts = Readonly<Record<string, string | readonly string[]>>;

/** Compiles `hosts`, with `localhost` added; entries that cannot be used are reported and left out. */
export function resolveHosts(hosts: RawHosts, report: ReportIssue): HostTable {
  const table = new HostTable();
  table.add('localhost', { kind: 'ips', ips: ['127.0.0.1'] });
  for (const [pattern, raw] of Object.entries(hosts)) {
    const value = hostValue(raw);
    if (value === undefined) {
      report('error', ['hosts', pattern], `${[raw].flat().join(' ')} is not a valid value`);
    } else if (!table.add(pattern, value)) {
      report('error', ['hosts', pattern], `invalid domain ${pattern}`);
    }
  }
  for (const pattern of Object.keys(hosts)) {
    if (table.isCyclic(pattern.toLowerCase())) {
      report('error', ['hosts', pattern], `${pattern}, there is a cycle in domain name mapping`);
    }
  }
  return table;
}

function hostValue(raw: string | readonly string[]): HostValue | undefined {
  const values = [raw].flat().map((value) => value.trim().toLowerCase());
  const [only = ''] = values;
  if (values.length === 1 && only === 'lan') return { kind: 'ips', ips: lanAddresses() };
  if (values.length > 0 && values.every((value) => isIP(value) !== 0))
    return { kind: 'ips', ips: values.map(unmapIp) };
  return values.length === 1 && /^[^\s.]+(?:\.[^\s.]+)+$/.test(only)
    ? { kind: 'alias', name: only }
    : undefined;
}

/** The machine's addresses without loopback and link-local ones, as they are now. */
function lanAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(
      ({ internal, address }) => !internal && !address.startsWith('fe80:') && !address.startsWith('169.254.'),
    )
    .map(({ address }) => address);
}
