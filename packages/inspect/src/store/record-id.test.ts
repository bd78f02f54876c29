import assert from 'node:assert/strict';
import { it } from 'node:test';
import { formatRecordId, KeySequence, parseRecordId } from './record-id.ts';

it('ids carry their key there and back', () => {
  const key = 1_631_234_567_890_123;
  assert.equal(formatRecordId('req', key), 'req_1631234567890_123');
  assert.equal(parseRecordId('req', 'req_1631234567890_123'), key);
  assert.equal(formatRecordId('modres', key - 123), 'modres_1631234567890_0');
  for (const other of [
    'res_1631234567890_123',
    'req_1631234567890_1234',
    'req_1631234567890_',
    'req_1631234567890_01',
    'req_01_1',
    'req',
    '',
  ]) {
    assert.equal(parseRecordId('req', other), undefined);
  }
});

it('keys rise whatever the clock does', () => {
  const keys = new KeySequence(0);
  assert.equal(keys.next(5), 5_000);
  const given = Array.from({ length: 2_500 }, () => keys.next(5));
  assert.equal(given.at(-1), 7_500);
  assert.equal(keys.next(1), 7_501);
  assert.equal(keys.next(9), 9_000);
});
