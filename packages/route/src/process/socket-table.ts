import { parseIpv4, parseIpv6Into } from '@sluice/base/ip';

/** The owner's part of a row of `/proc/net/{tcp,tcp6,udp,udp6}` (proc_net(5), Linux). */
export type SocketRow = { readonly uid: number; readonly inode: string };

/** The text of the local address of a socket in one of the tables. */
export type SocketKey = { readonly table: 'v4' | 'v6'; readonly local: string };

const HEX = 16;

/**
 * Where a socket with this address can be, the likely places first: IPv4 sockets can be IPv6 ones that speak both, and UDP
 * sockets need not be bound to one address. `[]` for what is no IP literal.
 */
export function socketKeys(
  network: 'tcp' | 'udp',
  ip: string,
  port: number,
  isLittleEndian: boolean,
): readonly SocketKey[] {
  const end = `:${port.toString(HEX).toUpperCase().padStart(4, '0')}`;
  const anyV6 = { table: 'v6', local: `${'0'.repeat(32)}${end}` } as const;
  const v4 = parseIpv4(ip);
  if (v4 >= 0) {
    const address = wordText(v4, isLittleEndian);
    const mapped = `${'0'.repeat(16)}${wordText(0xffff, isLittleEndian)}${address}`;
    const exact: SocketKey[] = [
      { table: 'v4', local: `${address}${end}` },
      { table: 'v6', local: `${mapped}${end}` },
    ];
    return network === 'tcp' ? exact : [...exact, { table: 'v4', local: `00000000${end}` }, anyV6];
  }
  const words = [0, 0, 0, 0];
  if (!parseIpv6Into(ip, words)) return [];
  const local = `${words.map((word) => wordText(word, isLittleEndian)).join('')}${end}`;
  return network === 'tcp' ? [{ table: 'v6', local }] : [{ table: 'v6', local }, anyV6];
}

/** The kernel prints addresses, which are in network byte order, as words of the machine. */
function wordText(word: number, isLittleEndian: boolean): string {
  const bytes = [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255];
  if (isLittleEndian) bytes.reverse();
  return bytes.map((byte) => byte.toString(HEX).toUpperCase().padStart(2, '0')).join('');
}

/**
 * Finds the row of a local address in the text of a table. The columns are
 * `sl: local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`.
 */
export function findSocket(table: string, local: string): SocketRow | undefined {
  const start = `: ${local} `;
  for (let at = table.indexOf(start); at >= 0; at = table.indexOf(start, at + 1)) {
    const end = table.indexOf('\n', at);
    const columns = table
      .slice(at + 2, end < 0 ? table.length : end)
      .trim()
      .split(/\s+/);
    const uid = Number(columns[6]);
    const inode = columns[8];
    // A socket that is being closed has no owner any more.
    if (Number.isInteger(uid) && inode !== undefined && /^[1-9]\d*$/.test(inode)) return { uid, inode };
  }
  return undefined;
}
