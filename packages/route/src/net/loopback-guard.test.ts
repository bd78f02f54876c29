import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { it } from 'node:test';
import { LoopbackGuard } from './loopback-guard.ts';

/** The ends of a connected socket. */
function socket(localPort: number, remotePort: number): Socket {
  const ends = { localAddress: '127.0.0.1', localPort, remoteAddress: '::ffff:127.0.0.1', remotePort };
  return Object.assign(new EventEmitter(), ends) as unknown as Socket;
}

const at = (port: number) => ({ host: '127.0.0.1', port });

it('knows a connection by both ends, since one port may serve connections to several places', () => {
  const guard = new LoopbackGuard();
  const toOrigin = socket(40_000, 80);
  const toInbound = socket(40_000, 7_890);
  guard.watch(toOrigin);
  assert.equal(guard.isOwn(at(40_000), at(7_890)), false);
  guard.watch(toInbound);
  assert.equal(guard.isOwn(at(40_000), at(7_890)), true);
  toOrigin.emit('close');
  assert.equal(guard.isOwn(at(40_000), at(7_890)), true);
  assert.equal(guard.isOwn(at(40_000), at(80)), false);
  assert.equal(guard.isOwn(at(40_000), undefined), true);
  toInbound.emit('close');
  assert.equal(guard.isOwn(at(40_000), undefined), false);
});
