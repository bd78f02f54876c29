import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { afterEach, describe, it } from 'node:test';
import { systemClock } from '@sluice/base/clock';
import { type AnswerRecord, encodeQuery } from '@sluice/codec/dns/encode';
import { scanMessage } from '@sluice/codec/dns/message';
import { answerAddresses } from '@sluice/codec/dns/records';
import { DNS_TYPE } from '@sluice/codec/dns/types';
import { defaultOf } from '@sluice/core/config/decode';
import { createLogHub } from '@sluice/core/log/log-hub';
import { HostTable } from '../config/host-table.ts';
import { openRouteDatabase } from '../store/route-database.ts';
import { dnsSchema, type RawDns } from './config/dns-schema.ts';
import { resolveDns } from './config/resolve-dns.ts';
import type { ResolvedDns } from './config/resolved-dns.ts';
import { createDnsService, type LiveDnsService } from './live-dns-service.ts';
import { address } from './testing/fake-exchanger.ts';
import { LoopbackDns, plainDialer } from './testing/loopback-dns.ts';
import { NO_GEO, NO_SOURCES } from './testing/name-sources.ts';

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

const ANSWERS: Readonly<Record<string, readonly AnswerRecord[]>> = {
  'a.example A': [address('a.example', '192.0.2.1', 60)],
  'real.example A': [address('real.example', '192.0.2.2', 60)],
  'direct.example A': [address('direct.example', '192.0.2.3', 60)],
};

async function setUp(
  raw: Partial<RawDns> = {},
  database = openRouteDatabase(':memory:'),
  storesFakeIp = false,
) {
  const upstream = new LoopbackDns(ANSWERS);
  const server = await upstream.listen();
  opened.push(upstream);
  const configOf = (changes: Partial<RawDns>): ResolvedDns => {
    const whole: RawDns = {
      ...defaultOf<RawDns>(dnsSchema),
      enable: true,
      nameserver: [server],
      'default-nameserver': [server],
      ...raw,
      ...changes,
    };
    const resolved = resolveDns(whole, { ...NO_SOURCES, storesFakeIp }, (severity, path, message) =>
      assert.fail(`${severity} ${path.join('.')}: ${message}`),
    );
    return { ...resolved, listen: { host: '127.0.0.1', port: 0 } };
  };
  const table = new HostTable();
  table.add('hosts.example', { kind: 'ips', ips: ['10.0.0.1'] });
  table.add('alias.example', { kind: 'alias', name: 'a.example' });
  const service = createDnsService(
    {
      clock: systemClock,
      log: createLogHub('silent', () => undefined).logger,
      database,
      dialer: plainDialer,
      hosts: () => table,
      geo: NO_GEO,
      findSet: () => undefined,
      takesNames: () => false,
      trustedCertificates: () => [],
      ipv6: () => false,
      systemResolver: { resolve: async () => ({ ipv4: ['203.0.113.9'], ipv6: [] }) },
      environment: { DISABLE_SYSTEM_HOSTS: '1' },
    },
    configOf({}),
  );
  await service.start();
  opened.push({ close: () => service.stop() });
  return { service, upstream, configOf, database };
}

async function ask(service: LiveDnsService, name: string, type: number = DNS_TYPE.A): Promise<string[]> {
  const socket = dgram.createSocket('udp4');
  const answer = Promise.withResolvers<Uint8Array>();
  socket.once('message', answer.resolve);
  socket.send(
    encodeQuery(name, type, { id: 9, recursionDesired: true }),
    service.listener?.port ?? 0,
    '127.0.0.1',
  );
  const bytes = await answer.promise;
  socket.close();
  return answerAddresses(scanMessage(bytes)).map(({ ip }) => ip);
}

const FAKE: Partial<RawDns> = { 'enhanced-mode': 'fake-ip', 'fake-ip-filter': ['real.example'] };

describe('dns service', () => {
  it('answers clients and remembers names in redir-host mode', async () => {
    const { service, upstream } = await setUp();
    assert.deepEqual(await ask(service, 'a.example'), ['192.0.2.1']);
    assert.deepEqual(await ask(service, 'a.example'), ['192.0.2.1']);
    assert.deepEqual(upstream.asked, ['a.example A']);
    assert.deepEqual(service.reverse('192.0.2.1'), { name: 'a.example', mode: 'redir-host', fake: false });
    assert.equal(service.reverse('192.0.2.9'), undefined);
    assert.equal(service.isFakeIp('198.18.0.4'), false);
    assert.deepEqual(service.control.stats(), { queries: 2, cacheHits: 1, cacheEntries: 1, fakeIps: 0 });
  });

  it('hands out fake addresses, knows them again and refuses unknown ones', async () => {
    const { service } = await setUp(FAKE);
    assert.deepEqual(await ask(service, 'x.example'), ['198.18.0.4']);
    assert.deepEqual(await ask(service, 'y.example'), ['198.18.0.5']);
    assert.deepEqual(await ask(service, 'real.example'), ['192.0.2.2']);
    assert.deepEqual(await ask(service, 'x.example', DNS_TYPE.HTTPS), []);
    assert.deepEqual(service.reverse('198.18.0.4'), { name: 'x.example', mode: 'fake-ip', fake: true });
    assert.deepEqual(service.reverse('192.0.2.2'), { name: 'real.example', mode: 'fake-ip', fake: false });
    assert.equal(service.reverse('198.18.0.9'), undefined);
    assert.equal(service.isFakeIp('198.18.0.9'), true);
    assert.equal(service.isFakeIp('198.18.0.1'), false);
    assert.equal(service.isFakeIp('198.18.255.255'), false);
    service.control.flushFakeIp();
    assert.equal(service.reverse('198.18.0.4'), undefined);
    assert.deepEqual(await ask(service, 'y.example'), ['198.18.0.4']);
  });

  it('resolves for the gateway itself without fake addresses, hosts first', async () => {
    const { service } = await setUp(FAKE);
    assert.deepEqual(await service.main.resolve('a.example'), { ipv4: ['192.0.2.1'], ipv6: [] });
    assert.deepEqual(await service.main.resolve('hosts.example'), { ipv4: ['10.0.0.1'], ipv6: [] });
    assert.deepEqual(await service.main.resolve('alias.example'), { ipv4: ['192.0.2.1'], ipv6: [] });
    assert.deepEqual(await service.direct.resolve('direct.example'), { ipv4: ['192.0.2.3'], ipv6: [] });
    assert.deepEqual(
      service.control.log(5).map(({ name, client, via }) => `${name} ${client} ${via}`),
      ['direct.example direct main', 'a.example rule cache', 'a.example rule main'],
    );
  });

  it('keeps fake addresses over a restart when told to', async () => {
    const database = openRouteDatabase(':memory:');
    const first = await setUp(FAKE, database, true);
    await ask(first.service, 'x.example');
    await ask(first.service, 'y.example');
    await first.service.stop();
    opened.pop();
    const second = await setUp(FAKE, database, true);
    assert.deepEqual(second.service.reverse('198.18.0.5'), {
      name: 'y.example',
      mode: 'fake-ip',
      fake: true,
    });
    assert.deepEqual(await ask(second.service, 'z.example'), ['198.18.0.6']);
    assert.deepEqual(await ask(second.service, 'x.example'), ['198.18.0.4']);
  });

  it('keeps listener, mapping and fake addresses over a reload, and drops what changes', async () => {
    const { service, configOf } = await setUp(FAKE);
    const port = service.listener?.port;
    await ask(service, 'x.example');
    await ask(service, 'real.example');
    await service.reconfigure(configOf({ 'fake-ip-filter': [] }));
    assert.equal(service.listener?.port, port);
    assert.deepEqual(await ask(service, 'real.example'), ['198.18.0.5']);
    assert.equal(service.reverse('198.18.0.4')?.name, 'x.example');
    assert.equal(service.reverse('192.0.2.2')?.name, 'real.example');
    await service.reconfigure(configOf({ 'fake-ip-range': '10.9.0.0/16' }));
    assert.equal(service.reverse('198.18.0.4'), undefined);
    assert.deepEqual(await ask(service, 'x.example'), ['10.9.0.4']);
  });

  it('leaves everything to the system while disabled', async () => {
    const { service, configOf } = await setUp(FAKE);
    await ask(service, 'x.example');
    await service.reconfigure(configOf({ enable: false }));
    assert.equal(service.enabled, false);
    assert.equal(service.listener, undefined);
    assert.equal(service.reverse('198.18.0.4'), undefined);
    assert.equal(service.isFakeIp('198.18.0.4'), false);
    assert.deepEqual(await service.main.resolve('a.example'), { ipv4: ['203.0.113.9'], ipv6: [] });
    assert.deepEqual(await service.main.resolve('hosts.example'), { ipv4: ['10.0.0.1'], ipv6: [] });
    await assert.rejects(service.control.query('a.example', 'A'), { code: 'dns.disabled' });
    await assert.rejects(service.control.answer(Buffer.alloc(12), ''), { code: 'dns.disabled' });
    service.control.flushFakeIp();
    service.control.flushCache();
  });
});

describe('dns control', () => {
  it('asks upstreams past hosts and fake addresses', async () => {
    const { service } = await setUp(FAKE);
    assert.deepEqual(await service.control.query('A.example', 'A'), {
      status: 0,
      question: { name: 'A.example.', type: 1, class: 1 },
      truncated: false,
      recursionDesired: true,
      recursionAvailable: true,
      authenticData: false,
      checkingDisabled: false,
      answers: [{ name: 'A.example.', type: 1, ttl: 60, data: '192.0.2.1' }],
      authorities: [],
      additionals: [],
    });
    assert.equal((await service.control.query('hosts.example.', 'A')).status, 3);
    await assert.rejects(service.control.query('a.example', 'a'), {
      code: 'dns.type',
      message: 'invalid query type',
    });
    await assert.rejects(service.control.query(`${'x'.repeat(64)}.example`, 'A'), { code: 'dns.failed' });
    assert.equal(service.control.log(1)[0]?.client, 'api');
  });

  it('answers messages as the server does, bounded when asked to', async () => {
    const { service } = await setUp(FAKE);
    const query = encodeQuery('x.example', DNS_TYPE.A, { id: 3, recursionDesired: true });
    const response = scanMessage(await service.control.answer(query, '192.0.2.77:4000', 2_048));
    assert.equal(response.id, 3);
    assert.equal(answerAddresses(response)[0]?.ip, '198.18.0.4');
    assert.equal(service.control.log(1)[0]?.client, '192.0.2.77:4000');
    for (const wrong of [Buffer.alloc(5), Buffer.from('000381000000000000000000', 'hex')])
      await assert.rejects(service.control.answer(wrong, ''), { code: 'dns.message' });
  });
});
