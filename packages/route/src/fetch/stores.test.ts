import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openRouteDatabase } from '../store/route-database.ts';
import { quietWrites } from '../store/testing/quiet-writes.ts';
import { EtagStore } from './etag-store.ts';
import { parseSubscriptionInfo, SubscriptionInfoStore } from './subscription-info.ts';

describe('what downloads leave behind', () => {
  it('remembers entity tags by URL', () => {
    const database = openRouteDatabase(':memory:');
    const etags = new EtagStore(database, quietWrites());
    etags.save('http://a', { contentHash: 'h1', etag: '"1"' }, 1);
    etags.save('http://a', { contentHash: 'h2', etag: 'W/"2"' }, 2.5);
    assert.deepEqual(new EtagStore(database, quietWrites()).find('http://a'), {
      contentHash: 'h2',
      etag: 'W/"2"',
    });
    assert.equal(etags.find('http://b'), undefined);
    database.close();
  });

  it('reads and remembers subscription headers', () => {
    const database = openRouteDatabase(':memory:');
    const store = new SubscriptionInfoStore(database, quietWrites());
    store.save('p', 'upload=1');
    store.save('p', 'Upload=1.9; DOWNLOAD = 2e3;total=1099511627776 ; expire=');
    const header = new SubscriptionInfoStore(database, quietWrites()).find('p') ?? '';
    assert.deepEqual(parseSubscriptionInfo(header), {
      upload: 1,
      download: 2000,
      total: 1_099_511_627_776,
      expire: 0,
    });
    assert.equal(store.find('q'), undefined);
    database.close();
  });
});
