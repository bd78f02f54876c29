import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import { cryptoFrame, plainHello, sealInitial } from '@sluice/codec/quic-initial/testing/seal-initial';
import { decodeConfig } from '@sluice/core/config/decode';
import { parseYamlConfig } from '@sluice/core/config/yaml';
import type { Logger } from '@sluice/core/log/logger';
import { type FlowSeed, newFlow } from '@sluice/core/ports/flow';
import type { EntrySetSource } from '../rule-set/entry-set.ts';
import type { ListSources } from './address-list.ts';
import { ConfiguredSniffer } from './configured-sniffer.ts';
import { resolveSniffer } from './sniffer-config.ts';
import { type RawSniffer, snifferSchema } from './sniffer-schema.ts';

const flow = (seed: Partial<FlowSeed> = {}) =>
  newFlow({
    network: 'tcp',
    type: 'Redir',
    sourceIp: '192.0.2.9',
    sourcePort: 4000,
    host: '',
    destinationIp: '203.0.113.5',
    destinationPort: 443,
    inboundIp: '',
    inboundPort: 0,
    inboundName: 'in',
    ...seed,
  });

const set = (name: string, behavior: 'domain' | 'ipcidr' | 'classical'): EntrySetSource => ({
  name,
  behavior,
  current: () => ({
    behavior,
    count: 1,
    wantsIp: false,
    wantsProcess: false,
    matches: () => false,
    hasDomain: (host) => host === 'in.set.test',
    hasIp: (ip) => ip === '203.0.113.77',
  }),
});

const SETS = new Map([set('names', 'domain'), set('nets', 'ipcidr')].map((each) => [each.name, each]));

const SOURCES: ListSources = {
  findSet: (name) => SETS.get(name),
  geo: {
    datMode: false,
    countriesOf: (ip) => (ip === '198.51.100.1' ? ['cn'] : []),
    asnOf: () => ({ number: '', organization: '' }),
    siteList: (name) => {
      if (name === 'missing') throw new GatewayError('unavailable', 'geo.missing', 'no GeoSite.dat');
      if (name !== 'site') throw new Error(`list ${name} not found`);
      return { size: 1, matches: (host) => host === 'in.site.test' };
    },
    ipList: () => ({ size: 0, matches: () => false }),
    ipListSize: () => 0,
  },
};

const lines: string[] = [];
const note = (message: string) => void lines.push(message);
const log: Logger = {
  enabled: () => true,
  debug: note,
  info: note,
  warning: note,
  error: note,
  child: () => log,
};

function resolve(yaml: string) {
  const issues: string[] = [];
  const { value, issues: found } = decodeConfig<RawSniffer>(
    snifferSchema,
    parseYamlConfig(yaml, 'c.yaml').node,
  );
  for (const { severity, message } of found) issues.push(`${severity}: ${message}`);
  const config = resolveSniffer(value, SOURCES, (severity, path, message) => {
    issues.push(`${severity}: ${path.join('.')}: ${message}`);
  });
  return { config, issues };
}

/** A TLS record round a hello without records. */
function record(hello: Buffer): Buffer {
  return Buffer.concat([Buffer.of(22, 3, 1, hello.length >> 8, hello.length & 255), hello]);
}

describe('the sniffer', () => {
  let clock: FakeClock;
  const sniffer = (yaml = '') => {
    const { config, issues } = resolve(`enable: true\nsniff: {TLS: {}, http: {}, QUIC: {}}\n${yaml}`);
    assert.deepEqual(issues, []);
    return new ConfiguredSniffer(config, { clock, log });
  };
  beforeEach(() => {
    clock = new FakeClock();
    lines.length = 0;
  });

  it('looks at addresses without names, names from DNS answers, and names it is told to', () => {
    const all = sniffer('force-domain: [+.forced.test, "geosite:site", "rule-set:names"]');
    assert.equal(all.wantsStream(flow()), true);
    assert.equal(all.wantsStream(flow({ destinationPort: 80 })), true);
    assert.equal(all.wantsStream(flow({ destinationPort: 22 })), false);
    assert.equal(all.wantsStream(flow({ host: 'known.test' })), false);
    for (const host of ['a.forced.test', 'forced.test', 'in.site.test', 'in.set.test'])
      assert.equal(all.wantsStream(flow({ host })), true);
    const mapped = flow({ host: 'known.test' });
    mapped.dnsMode = 'redir-host';
    assert.equal(all.wantsStream(mapped), true);
    mapped.dnsMode = 'fake-ip';
    assert.equal(all.wantsStream(mapped), false);
    const none = sniffer('parse-pure-ip: false\nforce-dns-mapping: false');
    mapped.dnsMode = 'redir-host';
    assert.equal(none.wantsStream(mapped), false);
    assert.equal(none.wantsStream(flow()), false);
  });

  it('leaves skipped sources and destinations alone, even when forced', () => {
    const some = sniffer(
      'skip-dst-address: [203.0.113.5/32, "geoip:CN", "rule-set:nets"]\nskip-src-address: [10.0.0.0/8]\nforce-domain: [f.test]',
    );
    assert.equal(some.wantsStream(flow()), false);
    assert.equal(some.wantsStream(flow({ host: 'f.test' })), false);
    assert.equal(some.wantsStream(flow({ destinationIp: '198.51.100.1' })), false);
    assert.equal(some.wantsStream(flow({ destinationIp: '203.0.113.77' })), false);
    assert.equal(some.wantsStream(flow({ destinationIp: '203.0.113.6' })), true);
    assert.equal(some.wantsStream(flow({ destinationIp: '203.0.113.6', sourceIp: '10.1.1.1' })), false);
  });

  it('reads TLS, asking for exactly what the record still lacks', () => {
    const bytes = record(plainHello('WWW.Example.test', 600));
    const some = sniffer('override-destination: false');
    assert.deepEqual(some.readStream(flow(), bytes.subarray(0, 100)), {
      kind: 'more',
      totalBytes: bytes.length,
    });
    const sniffed = { host: 'www.example.test', override: false };
    assert.deepEqual(some.readStream(flow(), bytes), { kind: 'found', sniffed });
    assert.deepEqual(some.readStream(flow(), record(plainHello('www.example.test.'))), { kind: 'none' });
    assert.deepEqual(some.readStream(flow(), record(plainHello('203.0.113.5'))), { kind: 'none' });
    assert.deepEqual(some.readStream(flow(), Buffer.from('SSH-2.0-x\r\n')), { kind: 'none' });
  });

  it('reads HTTP on its ports, with its own override', () => {
    const some = new ConfiguredSniffer(
      resolve('enable: true\nsniff: {HTTP: {ports: [80, 8080-8090], override-destination: false}}').config,
      { clock, log },
    );
    const to = flow({ destinationPort: 8085 });
    assert.equal(some.wantsStream(to), true);
    assert.equal(some.wantsStream(flow()), false);
    const verdict = some.readStream(to, Buffer.from('GET / HTTP/1.1\r\nHost: A.test:8085\r\n\r\n'));
    assert.deepEqual(verdict, { kind: 'found', sniffed: { host: 'a.test', override: false } });
  });

  it('gives up on a destination after six failures, for ten minutes, and forgets them after a success', () => {
    const some = sniffer('force-domain: [f.test]');
    for (let count = 0; count < 6; count++) {
      assert.equal(some.wantsStream(flow()), true);
      if (count % 2 === 0) some.timedOut(flow());
      else some.readStream(flow(), Buffer.from('nothing'));
    }
    assert.equal(some.wantsStream(flow()), false);
    assert.equal(some.wantsStream(flow({ host: 'f.test' })), true);
    assert.equal(some.wantsStream(flow({ destinationIp: '203.0.113.6' })), true);
    assert.match(lines[0] ?? '', /may not have any sent data, Consider adding skip/);
    clock.advance(600_000);
    assert.equal(some.wantsStream(flow()), true);
    for (let count = 0; count < 5; count++) some.timedOut(flow());
    some.readStream(flow(), record(plainHello('good.test')));
    some.timedOut(flow());
    assert.equal(some.wantsStream(flow()), true);
  });

  it('remembers failures of 128 destinations', () => {
    const some = sniffer();
    for (let count = 0; count < 6; count++) some.timedOut(flow());
    for (let port = 0; port < 128; port++) some.timedOut(flow({ destinationPort: 1_000 + port }));
    assert.equal(some.wantsStream(flow()), true);
  });

  it('ignores names of skip-domain, which is neither success nor failure', () => {
    const some = sniffer('skip-domain: ["+.push.test"]');
    for (let count = 0; count < 10; count++)
      assert.deepEqual(some.readStream(flow(), record(plainHello('a.push.test'))), { kind: 'none' });
    assert.equal(some.wantsStream(flow()), true);
  });

  it('reads QUIC, over several datagrams when the hello is long', () => {
    const some = sniffer();
    const udp = () => flow({ network: 'udp' });
    const connectionId = Buffer.from('0102030405060708', 'hex');
    const packet = (at: number, bytes: Buffer) =>
      sealInitial({ connectionId, packetNumber: at, frames: cryptoFrame(at, bytes) });
    const short = plainHello('quic.test');
    assert.deepEqual(some.readDatagram(udp(), packet(0, short)), { host: 'quic.test', override: true });
    const long = plainHello('long.quic.test', 1_500);
    const session = udp();
    assert.equal(some.readDatagram(session, packet(0, long.subarray(0, 1_000))), undefined);
    assert.equal(some.awaitsDatagram(session), true);
    const found = some.readDatagram(session, packet(1_000, long.subarray(1_000)));
    assert.deepEqual(found, { host: 'long.quic.test', override: true });
    assert.equal(some.awaitsDatagram(session), false);
    assert.equal(some.readDatagram(udp(), Buffer.from('not quic at all')), undefined);
    assert.equal(
      some.readDatagram(flow({ network: 'udp', destinationPort: 53 }), packet(0, short)),
      undefined,
    );
    assert.equal(
      some.readDatagram(flow({ network: 'udp', host: 'known.test' }), packet(0, short)),
      undefined,
    );
    const damaged = packet(0, short);
    damaged[50] = (damaged[50] as number) ^ 1;
    assert.equal(some.readDatagram(udp(), damaged), undefined);
  });
});

describe('the sniffer section', () => {
  it('does nothing by default', () => {
    const { config, issues } = resolve('{}');
    assert.equal(config.enabled, false);
    assert.deepEqual(config.rules, []);
    assert.deepEqual(issues, []);
  });

  it('needs no geo files while it is off', () => {
    const lists = 'skip-domain: ["geosite:missing"]';
    assert.deepEqual(resolve(`${lists}`).issues, []);
    assert.match(
      resolve(`enable: true\nsniff: {tls: {}}\n${lists}`).issues[0] ?? '',
      /error in skip-domain, error:no GeoSite/,
    );
  });

  it('takes the old keys only without the new', () => {
    const { config } = resolve('enable: true\nsniffing: [tls, HTTP]\nport-whitelist: ["80", 443, 8000-8999]');
    assert.deepEqual(
      config.rules.map(({ protocol, ports }) => [protocol, ports.length]),
      [
        ['tls', 3],
        ['http', 3],
      ],
    );
    const both = resolve('enable: true\nsniff: {quic: {ports: [443]}}\nsniffing: [tls]').config;
    assert.deepEqual(
      both.rules.map(({ protocol }) => protocol),
      ['quic'],
    );
  });

  it('reports mistakes with the known texts', () => {
    const errors = (yaml: string) => resolve(yaml).issues;
    assert.deepEqual(errors('sniff: {ftp: {}}'), ['error: sniffer.sniff.ftp: not find the sniffer[ftp]']);
    assert.deepEqual(errors('sniffing: [tsl]'), ['error: sniffer.sniffing.0: not find the sniffer[tsl]']);
    assert.deepEqual(errors('force-domain: ["+."]'), [
      'error: sniffer.force-domain: error in force-domain, error:invalid domain',
    ]);
    assert.deepEqual(errors('skip-domain: ["rule-set:nets"]'), [
      'error: sniffer.skip-domain: error in skip-domain, error:rule provider type error, except domain,actual ipcidr',
    ]);
    assert.deepEqual(errors('skip-src-address: [10.0.0.1]'), [
      `error: sniffer.skip-src-address: error in skip-src-address, error:netip.ParsePrefix("10.0.0.1"): no '/'`,
    ]);
    assert.deepEqual(errors('skip-dst-address: ["rule-set:none"]'), [
      'error: sniffer.skip-dst-address: error in skip-dst-address, error:not found rule-set: none',
    ]);
    assert.deepEqual(errors('sniff: {tls: {ports: [70000]}}'), ['error: sniffer.sniff.tls: intRanges error']);
    assert.equal(errors('enable: true')[0]?.startsWith('warning: sniffer.sniff: '), true);
  });
});
