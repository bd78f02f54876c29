import type { OverviewHistory, OverviewSample } from '@sluice/api/native/types';
import { createStore } from '../lib/store.ts';
import { ApiError, call } from './client.ts';
import { type LiveState, openLive } from './live.ts';

const KEPT_SAMPLES = 600;

/** The last ten minutes, oldest first. */
export const samples = createStore<readonly OverviewSample[]>([]);

/** Whether the gateway can be heard at all; this stream is open on every page. */
export const gatewayState = createStore<LiveState>('connecting');

/** Follows the gateway's once-a-second samples. */
export function startOverviewFeed(): () => void {
  return openLive<OverviewSample>('/overview/stream', {}, append, (state) => {
    gatewayState.set(state);
    if (state === 'open') void fillHistory();
  });
}

function append(sample: OverviewSample): void {
  samples.set([...samples.get().slice(-KEPT_SAMPLES + 1), sample]);
}

async function fillHistory(): Promise<void> {
  try {
    const history = await call<OverviewHistory>('GET', '/overview/history');
    const newest = history.samples.at(-1)?.timeMs ?? 0;
    const later = samples.get().filter((sample) => sample.timeMs > newest);
    samples.set([...history.samples, ...later].slice(-KEPT_SAMPLES));
  } catch (error) {
    // The chart then simply starts now; anything else is a mistake of ours.
    if (!(error instanceof ApiError)) throw error;
  }
}
