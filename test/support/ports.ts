import { freePort } from '@sluice/route/testing/route-rig';

/** Ports of 127.0.0.1 that are free, all different. */
export function freePorts(count: number): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, () => freePort()));
}
