import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { createLogHub } from '@sluice/core/log/log-hub';
import { HostTable } from '../../config/host-table.ts';
import { HostLookup } from './host-lookup.ts';
import { SystemHosts, systemHostsAreDisabled } from './system-hosts.ts';

describe('system hosts', () => {
  let directory: string;
  let path: string;
  const clock = new FakeClock();
  const hub = createLogHub('silent', () => undefined);

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'sluice-hosts-'));
    path = join(directory, 'hosts');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('are read line by line', () => {
    writeFileSync(
      path,
      '127.0.0.1\tlocalhost Host.Example. # comment\n::1 localhost\n127.0.0.1 localhost\n#1.1.1.1 no\nx y\n::ffff:10.0.0.1 v4\n',
    );
    const hosts = new SystemHosts(clock, hub.logger, path);
    assert.deepEqual(hosts.lookupIps('localhost'), ['127.0.0.1', '::1']);
    assert.deepEqual(hosts.lookupIps('host.example'), ['127.0.0.1']);
    assert.deepEqual(hosts.lookupIps('v4'), ['10.0.0.1']);
    for (const name of ['no', 'y', 'comment', '']) assert.equal(hosts.lookupIps(name), undefined, name);
  });

  it('are looked at again after five seconds', () => {
    writeFileSync(path, '10.0.0.1 a\n');
    const hosts = new SystemHosts(clock, hub.logger, path);
    assert.deepEqual(hosts.lookupIps('a'), ['10.0.0.1']);
    writeFileSync(path, '10.0.0.22 a\n');
    clock.advance(4_999);
    assert.deepEqual(hosts.lookupIps('a'), ['10.0.0.1']);
    clock.advance(1);
    assert.deepEqual(hosts.lookupIps('a'), ['10.0.0.22']);
    rmSync(path);
    clock.advance(5_000);
    assert.equal(hosts.lookupIps('a'), undefined);
    assert.match(hub.recent().at(-1)?.message ?? '', /^cannot read .*ENOENT/);
  });

  it('are not used when they are absurdly large', () => {
    writeFileSync(path, '10.0.0.1 a\n');
    truncateSync(path, 33 * 1024 * 1024);
    assert.equal(new SystemHosts(clock, hub.logger, path).lookupIps('a'), undefined);
  });

  it('can be switched off from outside', () => {
    for (const value of ['1', 'true', 'T', 'TRUE']) {
      assert.equal(systemHostsAreDisabled({ DISABLE_SYSTEM_HOSTS: value }), true, value);
    }
    for (const value of ['0', 'false', '']) {
      assert.equal(systemHostsAreDisabled({ DISABLE_SYSTEM_HOSTS: value }), false, value);
    }
    assert.equal(systemHostsAreDisabled({}), false);
  });

  it('come after the configuration, also behind its aliases', () => {
    writeFileSync(path, '10.0.0.1 a b target.test\n');
    const table = new HostTable();
    table.add('a', { kind: 'ips', ips: ['192.0.2.1'] });
    table.add('alias', { kind: 'alias', name: 'target.test' });
    table.add('far', { kind: 'alias', name: 'elsewhere.test' });
    const lookup = new HostLookup(() => table, new SystemHosts(clock, hub.logger, path));
    assert.deepEqual(lookup.find('a'), { kind: 'ips', ips: ['192.0.2.1'] });
    assert.deepEqual(lookup.find('b'), { kind: 'ips', ips: ['10.0.0.1'] });
    assert.deepEqual(lookup.find('alias'), { kind: 'alias', name: 'target.test' });
    assert.deepEqual(lookup.follow('alias'), { kind: 'ips', ips: ['10.0.0.1'] });
    assert.deepEqual(lookup.follow('far'), { kind: 'alias', name: 'elsewhere.test' });
    assert.equal(lookup.follow('c'), undefined);
  });
});
