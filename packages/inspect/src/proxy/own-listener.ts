import { networkInterfaces } from 'node:os';
import { isLoopbackHost, unmapIp } from '@sluice/base/address';

const EVERY_INTERFACE = new Set(['', '0.0.0.0', '::']);

/** True when connecting to `host` from this machine can reach a listener bound to `bound` on the same port. */
export function namesListener(host: string, bound: string): boolean {
  const wanted = unmapIp(host);
  if (wanted === bound || EVERY_INTERFACE.has(wanted)) return true;
  if (isLoopbackHost(wanted)) return EVERY_INTERFACE.has(bound) || isLoopbackHost(bound);
  if (!EVERY_INTERFACE.has(bound)) return false;
  return Object.values(networkInterfaces()).some(
    (list) => list?.some(({ address }) => address === wanted) === true,
  );
}
