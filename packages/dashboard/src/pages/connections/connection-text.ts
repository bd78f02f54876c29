import type { Connection } from '@sluice/api/native/types';

/** Where a connection goes, as the client named it. */
export function targetOf(row: Pick<Connection, 'host' | 'destinationIp' | 'destinationPort'>): string {
  const name = row.host || row.destinationIp;
  return `${name.includes(':') ? `[${name}]` : name}:${row.destinationPort}`;
}
