import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BlockList } from './block-list.ts';

const block = (bytes: number) => Buffer.alloc(bytes);

test('keeps the blocks since the last key frame and those still needed', () => {
  const list = new BlockList(1000);
  list.append(block(10), true);
  list.append(block(10), false);
  list.append(block(10), true);
  list.append(block(10), false);
  list.trim(1);
  assert.equal(list.at(0), undefined);
  assert.equal(list.at(1)?.sequence, 1);
  list.trim(4);
  assert.equal(list.at(1), undefined);
  assert.equal(list.at(2)?.startsWithKeyFrame, true);
  assert.equal(list.keySequence, 2);
  assert.equal(list.bytesSinceKey, 20);
  assert.equal(list.bytes, 20);
});

test('a GOP longer than the limit is forgotten and new viewers wait for the next key frame', () => {
  const list = new BlockList(100);
  list.append(block(40), true);
  list.append(block(40), false);
  list.append(block(40), false);
  assert.equal(list.keySequence, undefined);
  assert.equal(list.at(0), undefined);
  assert.equal(list.at(2)?.sequence, 2);
  for (let i = 0; i < 100; i++) list.append(block(40), false);
  assert.ok(list.bytes <= 120, `${list.bytes} bytes kept`);
  list.append(block(40), true);
  assert.equal(list.keySequence, 103);
});
