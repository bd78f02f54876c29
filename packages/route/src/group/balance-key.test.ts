import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { balanceKey } from './balance-key.ts';
import { flowTo } from './testing/group-rig.ts';

describe('balance key', () => {
  const cases: [host: string, destinationIp: string, key: string][] = [
    ['www.example.co.uk', '', 'example.co.uk'],
    ['a.b.example.com', '192.0.2.7', 'example.com'],
    ['me.github.io', '', 'me.github.io'],
    ['deep.me.github.io', '', 'me.github.io'],
    ['github.io', '192.0.2.7', '192.0.2.7'],
    ['com', '', ''],
    ['localhost', '127.0.0.1', '127.0.0.1'],
    ['2001:db8::1', '', '2001:db8::1'],
    ['192.0.2.9', '192.0.2.7', '192.0.2.9'],
    ['', '192.0.2.7', '192.0.2.7'],
    ['host.unknowntld', '', 'host.unknowntld'],
  ];
  for (const [host, destinationIp, key] of cases) {
    it(`of "${host}" at "${destinationIp}" is "${key}"`, () =>
      assert.equal(balanceKey(flowTo(host, { destinationIp })), key));
  }
});
