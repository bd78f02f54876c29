import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { FakeClock } from '@sluice/base/clock';
import { ExchangeFeed } from './exchange-feed.ts';
import { createFakeGateway } from './test-support/fake-gateway.ts';
import type { ExchangeBatch } from './types.ts';

async function openFeed() {
  const clock = new FakeClock();
  const gateway = createFakeGateway({ clock });
  const { inspect } = gateway;
  const spy = mock.method(inspect, 'exchanges');
  const feed = new ExchangeFeed(gateway);
  const batches: ExchangeBatch[] = [];
  const stop = feed.watch((batch) => batches.push(batch));
  await turn();
  const settle = async () => {
    clock.advance(250);
    await turn();
  };
  return { inspect, batches, stop, settle, reads: () => spy.mock.callCount() };
}

describe('the feed of new exchanges', () => {
  it('tells nothing of what was there, and one batch for a burst', async () => {
    const { inspect, batches, settle, reads } = await openFeed();
    await settle();
    assert.equal(batches.length, 0);
    const added = [inspect.add(), inspect.add(), inspect.add()].map((exchange) => exchange.id);
    await settle();
    assert.equal(batches.length, 1);
    assert.deepEqual(
      batches[0]?.exchanges.map((exchange) => exchange.id),
      added.toReversed(),
    );
    assert.equal(batches[0]?.total, 33);
    assert.equal(batches[0]?.skipped, false);
    assert.equal(reads(), 2);
  });

  it('says when a burst was larger than a batch', async () => {
    const { inspect, batches, settle } = await openFeed();
    for (let count = 0; count < 201; count++) inspect.add();
    await settle();
    assert.deepEqual([batches[0]?.exchanges.length, batches[0]?.skipped], [200, true]);
  });

  it('reads nothing when nobody watches', async () => {
    const { inspect, batches, settle, stop, reads } = await openFeed();
    stop();
    inspect.add();
    await settle();
    assert.deepEqual([batches.length, reads()], [0, 1]);
  });
});
