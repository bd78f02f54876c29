import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Format } from './format.ts';

describe('format', () => {
  const en = new Format('en');

  it('writes sizes with three digits', () => {
    const cases = [0, 7, 999, 1000, 9994, 9996, 99_960, 999_400, 999_600, 1_234_567_890, 5e15];
    assert.deepEqual(
      cases.map((value) => en.bytes(value)),
      [
        '0 B',
        '7 B',
        '999 B',
        '1.00 KB',
        '9.99 KB',
        '10.0 KB',
        '100 KB',
        '999 KB',
        '1.00 MB',
        '1.23 GB',
        '5000 TB',
      ],
    );
  });

  it('writes rates and sizes as each language does', () => {
    assert.equal(en.bitrate(125_000), '1.00 Mbit/s');
    assert.equal(new Format('ru').rate(1500), '1,50 КБ/с');
    assert.equal(new Format('zh').rate(1500), '1.50 KB/秒');
  });

  it('writes the two largest parts of a duration', () => {
    assert.deepEqual(
      [0, 59, 60, 3599, 3600, 90_061].map((seconds) => en.duration(seconds)),
      ['0s', '59s', '1m 0s', '59m 59s', '1h 0m', '1d 1h'],
    );
  });
});
