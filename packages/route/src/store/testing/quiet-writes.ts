import { FakeClock } from '@sluice/base/clock';
import { LogRecorder } from '../../testing/log-recorder.ts';
import { WriteGuard } from '../write-guard.ts';

/** A guard of which nobody reads the log unless it is given one. */
export function quietWrites(log = new LogRecorder(), clock = new FakeClock()): WriteGuard {
  return new WriteGuard(log, clock);
}
