import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stepsOf } from './period.ts';

const HOUR_MS = 3_600_000;
const row = (startMs: number, downloadBytes: number) => ({
  startMs,
  connections: 1,
  uploadBytes: 1,
  downloadBytes,
});

describe('steps of a history', () => {
  it('has every hour of a day, those without traffic too', () => {
    const fromMs = 1000 * HOUR_MS + 60_000;
    const toMs = fromMs + 24 * HOUR_MS;
    const rows = [row(1000 * HOUR_MS, 5), row(1003 * HOUR_MS, 7)];
    const steps = stepsOf({ fromMs, toMs, rows }, '24');
    assert.equal(steps.length, 25);
    assert.deepEqual(
      steps.slice(0, 4).map(({ down }) => down),
      [5, 0, 0, 7],
    );
  });

  it('sums up hours by day over longer periods', () => {
    const start = new Date(2026, 2, 1).getTime();
    const toMs = new Date(2026, 2, 31).getTime();
    const rows = [row(start, 5), row(start + 3 * HOUR_MS, 7), row(start + 30 * HOUR_MS, 11)];
    const steps = stepsOf({ fromMs: start, toMs, rows }, '720');
    assert.equal(steps.length, 31);
    assert.deepEqual(
      steps.slice(0, 3).map(({ down }) => down),
      [12, 11, 0],
    );
  });
});
