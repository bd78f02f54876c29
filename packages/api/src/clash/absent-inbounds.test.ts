import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { describe, it } from 'node:test';
import { AbsentInbounds } from './absent-inbounds.ts';
import { decodeTun } from './tun-members.ts';

const ADDRESS = '198.18.0.1/30';

describe('the TUN record', () => {
  it('has an IPv6 address only where this machine and the settings have IPv6', () => {
    const has = Object.values(networkInterfaces())
      .flat()
      .some((one) => one?.family === 'IPv6' && !one.internal && /^[23]/.test(one.address));
    const inbounds = new AbsentInbounds();
    assert.equal('inet6-address' in inbounds.tunRecord(ADDRESS, true), has);
    assert.equal('inet6-address' in inbounds.tunRecord(ADDRESS, false), false);
  });

  it('keeps what earlier patches set until it is reset', () => {
    const inbounds = new AbsentInbounds();
    inbounds.setTun(decodeTun({ enable: true, device: 'tun7' }));
    inbounds.setTun(decodeTun({ Stack: 'MIXED', 'auto-route': false }));
    const { device, stack, enable, ...rest } = inbounds.tunRecord(ADDRESS, false) as Record<string, unknown>;
    assert.deepEqual([device, stack, enable, rest['auto-route']], ['tun7', 'Mixed', false, false]);
    inbounds.reset();
    assert.deepEqual(inbounds.tunRecord(ADDRESS, false), new AbsentInbounds().tunRecord(ADDRESS, false));
  });
});
