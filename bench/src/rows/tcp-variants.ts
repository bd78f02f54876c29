import { startGateway } from '../harness/gateway.ts';
import { type Measured, measureLoad } from '../harness/load-process.ts';
import {
  type Peer,
  type StartPeer,
  startDante,
  startHaproxyTcp,
  startSpliceRelay,
} from '../harness/peers.ts';
import { type AnyVariant, variant } from '../harness/variants.ts';

/** Our SOCKS5 inbound under its name in the tables. */
export const SLUICE_SOCKS5 = 'sluice, SOCKS5';
export const DANTE_SOCKS5 = 'dante, SOCKS5';
export const HAPROXY_PLAIN = 'haproxy, plain TCP';
export const SPLICE_PLAIN = 'C splice relay, plain TCP';

/** The gateway, dante, haproxy and a small C program, all put under one load towards `targetPort`; `keep` takes what each measurement gave. */
export function tcpVariants(options: {
  readonly load: string;
  readonly parameters: object;
  readonly targetPort: number;
  keep(name: string, measured: Measured): void;
}): AnyVariant[] {
  const { load, parameters, targetPort, keep } = options;
  const peer = (name: string, start: StartPeer, via: 'socks5' | 'plain') =>
    variant<Peer>({
      name,
      start: (folder) => start(folder, targetPort),
      measure: async ({ process, port }) =>
        keep(name, await measureLoad(process, load, { ...parameters, via, proxyPort: port })),
    });
  return [
    variant({
      name: SLUICE_SOCKS5,
      start: (folder) => startGateway(folder),
      measure: async ({ process, ports }) =>
        keep(
          SLUICE_SOCKS5,
          await measureLoad(process, load, { ...parameters, via: 'socks5', proxyPort: ports.mixed }),
        ),
    }),
    peer(DANTE_SOCKS5, startDante, 'socks5'),
    peer(HAPROXY_PLAIN, startHaproxyTcp, 'plain'),
    peer(SPLICE_PLAIN, startSpliceRelay, 'plain'),
  ];
}
