import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { FakeSocket } from '../testing/viewer-socket.ts';
import { FanOut, type TagStart } from './fan-out.ts';

const MB = 1024 * 1024;

/** A fan-out whose "encoding" is the tags' text, so that what a viewer got can be read. */
function setUp(options: { leastMergeMs?: number; softBytes?: number; hardBytes?: number } = {}) {
  const clock = new FakeClock();
  const counters = { bytesOut: 0, skips: 0, slowCloses: 0 };
  let encoded = 0;
  const fanOut = new FanOut({
    encode: (tags) => {
      encoded += 1;
      return Buffer.concat(tags.map((tag) => tag.data));
    },
    clock,
    counters,
    limits: {
      softBytes: options.softBytes ?? MB,
      softSeconds: 2,
      hardBytes: options.hardBytes ?? 16 * MB,
      stallMs: 10_000,
    },
    leastMergeMs: () => options.leastMergeMs ?? 0,
  });
  const push = (text: string, start: TagStart = 'no') =>
    fanOut.push({ type: 9, timestampMs: 0, data: Buffer.from(text, 'latin1') }, start);
  const join = (socket = new FakeSocket()) => {
    const viewer = fanOut.attach(socket, socket, Buffer.from('<pre>'));
    return { socket, viewer };
  };
  return { clock, counters, fanOut, push, join, encodedBlocks: () => encoded };
}

test('a new viewer gets the preamble and everything since the last key frame, then what follows', () => {
  const { fanOut, push, join } = setUp();
  push('K1', 'key-frame');
  push('a');
  fanOut.flush();
  push('K2', 'key-frame');
  push('b');
  const { socket } = join();
  assert.equal(socket.text, '<pre>K2b');
  push('c');
  fanOut.flush();
  assert.equal(socket.text, '<pre>K2bc');
});

test('a viewer that comes before any key frame waits for one', () => {
  const { fanOut, push, join } = setUp();
  push('a');
  fanOut.flush();
  const { socket } = join();
  push('b');
  fanOut.flush();
  assert.equal(socket.text, '<pre>');
  push('K', 'key-frame');
  push('c');
  fanOut.flush();
  assert.equal(socket.text, '<pre>Kc');
});

test('audio alone can be joined anywhere and keeps only the newest block', () => {
  const { fanOut, push, join } = setUp();
  for (const text of ['a', 'b', 'c']) {
    push(text, 'anywhere');
    fanOut.flush();
  }
  const { socket } = join();
  push('d', 'anywhere');
  fanOut.flush();
  assert.equal(socket.text, '<pre>cd');
});

test('tags pushed in one turn become one block, encoded once for all viewers', async () => {
  const { push, join, encodedBlocks } = setUp();
  const sockets = Array.from({ length: 50 }, () => join().socket);
  push('K', 'key-frame');
  push('a');
  push('b');
  await Promise.resolve();
  assert.equal(encodedBlocks(), 1);
  for (const socket of sockets) {
    assert.equal(socket.chunks.length, 2);
    assert.equal(socket.chunks[1], sockets[0]?.chunks[1]);
    assert.equal(socket.text, '<pre>Kab');
  }
});

test('with a merge interval every viewer gets every byte, one write per block', () => {
  const { clock, push, join } = setUp({ leastMergeMs: 100 });
  const sockets = Array.from({ length: 23 }, () => join().socket);
  let expected = '<pre>';
  for (let i = 0; i < 100; i++) {
    const tag = i % 20 === 0 ? `K${i}` : `-${i}`;
    push(tag, i % 20 === 0 ? 'key-frame' : 'no');
    expected += tag;
    clock.advance(10);
  }
  clock.advance(300);
  for (const socket of sockets) {
    assert.equal(socket.text, expected);
    assert.ok(socket.chunks.length < 30, `${socket.chunks.length} writes`);
  }
});

test('viewers that join in the middle of a merge round miss and repeat nothing', () => {
  const { clock, push, join } = setUp({ leastMergeMs: 100 });
  const joined: { socket: FakeSocket; from: number }[] = [];
  let stream = '';
  let lastKey = 0;
  for (let i = 0; i < 200; i++) {
    if (i % 3 === 0) joined.push({ socket: join().socket, from: lastKey });
    const isKey = i % 25 === 0;
    if (isKey) lastKey = stream.length;
    const tag = isKey ? `K${i}` : `-${i}`;
    push(tag, isKey ? 'key-frame' : 'no');
    stream += tag;
    clock.advance(7);
  }
  clock.advance(300);
  for (const { socket, from } of joined.slice(1)) assert.equal(socket.text, `<pre>${stream.slice(from)}`);
});

test('delivery turns from immediate to merged and back with the number of viewers', () => {
  const { clock, fanOut, push, join } = setUp();
  const viewers = Array.from({ length: 201 }, () => join());
  push('K', 'key-frame');
  clock.advance(200);
  for (const { socket } of viewers) assert.equal(socket.text, '<pre>K');
  for (const { viewer } of viewers.slice(1)) fanOut.detach(viewer);
  push('a');
  fanOut.flush();
  assert.equal(viewers[0]?.socket.text, '<pre>Ka');
  assert.equal(fanOut.viewerCount, 1);
});

test('a slow viewer is skipped to a key frame after it drained, the others notice nothing', () => {
  const { fanOut, push, join, counters } = setUp({ softBytes: 1000, hardBytes: 10_000 });
  const slow = join();
  const quick = join();
  const big = 'x'.repeat(600);
  push('K1', 'key-frame');
  fanOut.flush();
  slow.socket.stuck = true;
  for (const mark of ['a', 'b', 'c', 'd']) {
    push(mark + big);
    fanOut.flush();
  }
  assert.equal(slow.viewer.skips, 1);
  assert.equal(counters.skips, 1);
  assert.equal(slow.socket.text, `<pre>K1a${big}b${big}`);
  push('K2', 'key-frame');
  push('e');
  fanOut.flush();
  assert.ok(!slow.socket.text.includes('K2'), 'nothing while it has not drained');
  slow.socket.drain();
  push('f');
  fanOut.flush();
  assert.equal(slow.socket.text, `<pre>K1a${big}b${big}K2ef`);
  assert.equal(quick.socket.text, `<pre>K1${['a', 'b', 'c', 'd'].map((mark) => mark + big).join('')}K2ef`);
  assert.equal(quick.viewer.skips, 0);
});

test('a skipped viewer whose socket takes nothing for ten seconds is closed', () => {
  const { clock, fanOut, push, join, counters } = setUp({ softBytes: 1000 });
  const { socket } = join();
  socket.stuck = true;
  push('K', 'key-frame');
  for (let i = 0; i < 5; i++) {
    push('x'.repeat(600));
    fanOut.flush();
  }
  const pass = (seconds: number) => {
    clock.advance(seconds * 1000);
    fanOut.check(clock.monotonicMs());
  };
  pass(9);
  assert.equal(socket.fate, 'open');
  socket.writableLength -= 1;
  pass(2);
  assert.equal(socket.fate, 'open', 'a little progress starts the ten seconds again');
  pass(11);
  assert.equal(socket.fate, 'too-slow');
  assert.equal(fanOut.viewerCount, 0);
  assert.equal(counters.slowCloses, 1);
});

test('a viewer with more than the hard limit queued is closed', () => {
  const { fanOut, push, join } = setUp({ softBytes: 1000, hardBytes: 5000 });
  const { socket } = join();
  socket.stuck = true;
  push(`K${'x'.repeat(6000)}`, 'key-frame');
  fanOut.flush();
  push('a');
  fanOut.flush();
  assert.equal(socket.fate, 'too-slow');
});

test('the first burst does not count against the soft limit', () => {
  const { fanOut, push, join } = setUp({ softBytes: 1000, hardBytes: 100_000 });
  push(`K${'x'.repeat(5000)}`, 'key-frame');
  const socket = new FakeSocket();
  socket.stuck = true;
  const { viewer } = join(socket);
  push('a');
  fanOut.flush();
  assert.equal(viewer.skips, 0);
  assert.ok(socket.text.endsWith('a'));
});

test('a paused viewer gets nothing and comes back at a key frame', () => {
  const { fanOut, push, join } = setUp();
  const { socket, viewer } = join();
  push('K1', 'key-frame');
  fanOut.flush();
  fanOut.pause(viewer, true);
  push('a');
  fanOut.flush();
  fanOut.pause(viewer, false);
  push('b');
  fanOut.flush();
  assert.equal(socket.text, '<pre>K1K1ab', 'joins again like a new viewer');
});

test('closing writes what is due and ends every viewer once', () => {
  const { fanOut, push, join } = setUp({ leastMergeMs: 100 });
  const { socket } = join();
  push('K', 'key-frame');
  fanOut.close();
  fanOut.close();
  push('late');
  assert.equal(socket.text, '<pre>K');
  assert.equal(socket.fate, 'ended');
});

test('who was away when parameters changed gets them before its next key frame', () => {
  const { fanOut, push, join } = setUp();
  push('K1', 'key-frame');
  const away = join();
  const there = join();
  fanOut.pause(away.viewer, true);
  fanOut.pushConfig([{ type: 9, timestampMs: 0, data: Buffer.from('[new]') }]);
  push('K2', 'key-frame');
  fanOut.flush();
  push('K3', 'key-frame');
  fanOut.flush();
  fanOut.pause(away.viewer, false);
  push('a');
  fanOut.flush();
  push('K4', 'key-frame');
  fanOut.flush();
  assert.equal(away.socket.text, '<pre>K1[new]K3aK4');
  assert.equal(there.socket.text, '<pre>K1[new][new]K2K3aK4');
});
