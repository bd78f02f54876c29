import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addressesOf, flvPathOf, playAddressesOf } from './addresses.ts';

describe('addresses to offer', () => {
  it('replace a wildcard by the name the client used, and bracket IPv6', () => {
    const urls = addressesOf(
      [
        { plane: 'route', name: 'DEFAULT-MIXED', host: '0.0.0.0', port: 7890 },
        { plane: 'inspect', name: 'capture', host: '::1', port: 8888 },
      ],
      'box.lan',
    ).map((address) => address.url);
    assert.deepEqual(urls, ['http://box.lan:7890', 'socks5://box.lan:7890', 'http://[::1]:8888']);
  });

  it('leave out listeners of a kind nobody can paste into a client', () => {
    assert.deepEqual(addressesOf([{ plane: 'media', name: 'rtp', host: '127.0.0.1', port: 10000 }], 'x'), []);
  });

  it('name a stream with its own characters escaped', () => {
    const templates = addressesOf([{ plane: 'media', name: 'rtmp', host: '', port: 1935 }], '10.0.0.1');
    assert.deepEqual(
      playAddressesOf(templates, 'live', 'a b/$&').map((address) => address.url),
      ['rtmp://10.0.0.1:1935/live/a%20b/%24%26'],
    );
    assert.equal(flvPathOf('live', 'a b/$&'), '/live/a%20b/%24%26.live.flv');
  });
});
