import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Endpoint } from '@sluice/base/address';
import { errorText, GatewayError } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import { noteEngine } from '@sluice/core/native/native-status';
import { type BatchSupport, BatchUdpListener, batchSupport } from './batch-udp-listener.ts';
import type { DnsResponder } from './responder.ts';
import { UdpListener } from './udp-listener.ts';

/** DNS over UDP on one address. */
export interface DatagramListener {
  /** The port really listened on. */
  readonly port: number;
  close(): Promise<void>;
}

const WORK = 'DNS over UDP';

/** Opens the fastest listener there is. Rejects with the socket's error. An empty host means every address. */
export async function openUdpListener(
  { host, port }: Endpoint,
  responder: DnsResponder,
  log: Logger,
  support: BatchSupport = batchSupport(),
): Promise<DatagramListener> {
  const place = { host: host === '' || isIP(host) !== 0 ? host : (await lookup(host)).address, port };
  if (support.available) {
    try {
      const listener = await openOnAny(place, async (each) =>
        BatchUdpListener.listen(each, responder, support),
      );
      noteEngine(WORK, 'recvmmsg', '');
      return listener;
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'native.batches') throw error;
      noteEngine(WORK, 'dgram', error.message);
    }
  } else noteEngine(WORK, 'dgram', support.reason);
  return openOnAny(place, (each) => UdpListener.listen(each, responder, log));
}

/** Every address of both families, or of IPv4 alone where there is no IPv6. */
async function openOnAny<T>(place: Endpoint, open: (place: Endpoint) => Promise<T>): Promise<T> {
  if (place.host !== '') return open(place);
  try {
    return await open({ ...place, host: '::' });
  } catch (error) {
    if (!errorText(error).includes('EAFNOSUPPORT')) throw error;
    return open({ ...place, host: '0.0.0.0' });
  }
}
