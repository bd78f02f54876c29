import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripHopByHop, upgradeProtocol } from './hop-by-hop.ts';

test('Connection, what it names and the proxy headers go, the rest stays in order', () => {
  assert.deepEqual(
    stripHopByHop([
      ['Host', 'a'],
      ['Connection', 'keep-alive, X-Hop'],
      ['connection', 'X-Other'],
      ['Keep-Alive', 'timeout=5'],
      ['Proxy-Connection', 'keep-alive'],
      ['Proxy-Authorization', 'Basic eA=='],
      ['x-hop', '1'],
      ['X-OTHER', '2'],
      ['TE', 'gzip, trailers'],
      ['Upgrade', 'h2c'],
      ['HTTP2-Settings', 'AAM'],
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
    ]),
    [
      ['Host', 'a'],
      ['TE', 'trailers'],
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
    ],
  );
});

test('naming framing headers in Connection does not remove them', () => {
  const kept = stripHopByHop([
    ['Host', 'a'],
    ['Content-Length', '5'],
    ['Connection', 'Host, Content-Length, Transfer-Encoding'],
  ]);
  assert.deepEqual(kept, [
    ['Host', 'a'],
    ['Content-Length', '5'],
  ]);
});

test('an upgrade that is relayed keeps its lines', () => {
  const headers = [
    ['Host', 'a'],
    ['Upgrade', 'websocket'],
    ['Connection', 'keep-alive, Upgrade'],
  ] as const;
  assert.equal(upgradeProtocol(headers), 'websocket');
  assert.deepEqual(stripHopByHop(headers, 'websocket'), [
    ['Host', 'a'],
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
  ]);
  assert.equal(upgradeProtocol([['Upgrade', 'websocket']]), undefined);
  assert.equal(
    upgradeProtocol([
      ['Upgrade', 'h2c'],
      ['Connection', 'Upgrade, HTTP2-Settings'],
    ]),
    undefined,
  );
});
