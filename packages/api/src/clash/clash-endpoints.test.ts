import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { after, before, beforeEach, describe, it } from 'node:test';
import { GatewayError } from '@sluice/base/errors';
import type { HttpListener } from '@sluice/core/http/http-listener';
import { type Answer, type CallOptions, call, listen, openFeed, stop } from '../test-support/http-client.ts';
import { connection, NOW_MS } from '../test-support/route-views.ts';
import { createClashDialect } from './clash-dialect.ts';
import { type ClashFixture, clashFixture } from './test-support.ts';
import { formatTime } from './wire.ts';

const BODY_INVALID = '{"message":"Body invalid"}\n';
const RESOURCE_NOT_FOUND = '{"message":"Resource not found"}\n';
const NOW = formatTime(NOW_MS);

describe('clash endpoints', { timeout: 60_000 }, () => {
  let fixture: ClashFixture;
  let listener: HttpListener;

  before(async () => {
    fixture = clashFixture();
    listener = await listen(createClashDialect(fixture));
  });
  after(() => stop(listener));
  beforeEach(() => {
    fixture.route.asked.length = 0;
  });

  const get = (path: string): Promise<Answer> => call(listener, 'GET', path);
  const send = (method: string, path: string, body?: string, options: CallOptions = {}): Promise<Answer> =>
    call(listener, method, path, body === undefined ? options : { ...options, body });
  const expectAnswer = async (answer: Promise<Answer>, status: number, body: string): Promise<void> => {
    const { status: actual, body: text } = await answer;
    assert.deepEqual([actual, text], [status, body]);
  };

  /** The first lines of an endless chunked answer. */
  async function openLines(path: string): Promise<{ response: IncomingMessage; next(): Promise<string> }> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      httpRequest({ host: '127.0.0.1', port: listener.address.port, path, agent: false }, resolve)
        .on('error', reject)
        .end();
    });
    response.on('error', () => {});
    const chunks = response.setEncoding('utf8')[Symbol.asyncIterator]();
    return { response, next: async () => String((await chunks.next()).value) };
  }

  describe('/configs', () => {
    it('shows the live settings in declared order', async () => {
      const answer = await get('/configs');
      const record = JSON.parse(answer.body);
      assert.deepEqual(Object.keys(record), [
        'port',
        'socks-port',
        'redir-port',
        'tproxy-port',
        'mixed-port',
        'tun',
        'tuic-server',
        'ss-config',
        'vmess-config',
        'authentication',
        'skip-auth-prefixes',
        'lan-allowed-ips',
        'lan-disallowed-ips',
        'allow-lan',
        'bind-address',
        'inbound-tfo',
        'inbound-mptcp',
        'mode',
        'unified-delay',
        'log-level',
        'ipv6',
        'interface-name',
        'routing-mark',
        'geox-url',
        'geo-auto-update',
        'geo-update-interval',
        'geodata-mode',
        'geodata-loader',
        'geosite-matcher',
        'tcp-concurrent',
        'find-process-mode',
        'sniffing',
        'global-ua',
        'etag-support',
        'keep-alive-idle',
        'keep-alive-interval',
        'disable-keep-alive',
      ]);
      assert.equal(record['mixed-port'], 7890);
      assert.equal(record.authentication, null);
      assert.equal(record['skip-auth-prefixes'], null);
      assert.deepEqual(record['lan-allowed-ips'], ['0.0.0.0/0', '::/0']);
      assert.equal(record['log-level'], 'info');
      assert.equal(record.tun.enable, false);
      assert.equal(record['global-ua'], 'clash.meta/v1.19.27');
    });

    it('patches what is named, in any case and under any content type', async () => {
      const body =
        '{"Mixed-Port":7891,"MODE":"Global","log-level":"DEBUG","allow-lan":true,"ipv6":null,"dns":{"x":1},"tun":{"stack":"System"}}rest';
      await expectAnswer(
        send('PATCH', '/configs', body, { headers: { 'content-type': 'text/plain' } }),
        204,
        '',
      );
      assert.deepEqual(fixture.route.asked, ['patch {"mixedPort":7891,"mode":"global","allowLan":true}']);
      assert.equal(fixture.logs.level, 'debug');
      const record = JSON.parse((await get('/configs')).body);
      assert.deepEqual([record['mixed-port'], record.mode, record['log-level']], [7891, 'global', 'debug']);
      await expectAnswer(send('PATCH', '/configs', '{"log-level":"info"}'), 204, '');
    });

    it('patches every settable member', async () => {
      const body = {
        port: 1,
        'socks-port': 2,
        'bind-address': '127.0.0.1',
        'skip-auth-prefixes': ['127.0.0.0/8'],
        'lan-allowed-ips': ['::/0'],
        'lan-disallowed-ips': [],
        ipv6: false,
        'tcp-concurrent': true,
        'interface-name': 'eth0',
        'find-process-mode': 'OFF',
      };
      await expectAnswer(send('PATCH', '/configs/', JSON.stringify(body)), 204, '');
      assert.deepEqual(JSON.parse(fixture.route.asked[0]?.replace('patch ', '') ?? ''), {
        port: 1,
        socksPort: 2,
        bindAddress: '127.0.0.1',
        skipAuthPrefixes: ['127.0.0.0/8'],
        lanAllowedIps: ['::/0'],
        lanDisallowedIps: [],
        ipv6: false,
        tcpConcurrent: true,
        interfaceName: 'eth0',
        findProcessMode: 'off',
      });
    });

    it('applies nothing of a body that does not decode', async () => {
      for (const body of [
        undefined,
        '',
        'x',
        'null',
        '[]',
        '1',
        '{"port":"7890"}',
        '{"port":1.5}',
        '{"allow-lan":1}',
        '{"mode":"other"}',
        '{"log-level":"loud"}',
        '{"skip-auth-prefixes":["127.0.0.1"]}',
        '{"lan-allowed-ips":["10.0.0.0/33"]}',
        '{"lan-allowed-ips":"x"}',
        '{"tun":1}',
        '{"tun":{"stack":"lwip"}}',
        '{"sniffing":"yes"}',
        '{"port":1,"ipv6":"no"}',
      ]) {
        await expectAnswer(send('PATCH', '/configs', body), 400, BODY_INVALID);
      }
      assert.deepEqual(fixture.route.asked, []);
      await expectAnswer(send('PATCH', '/configs', '{}'), 204, '');
    });

    it('reloads through the composition root', async () => {
      await expectAnswer(send('PUT', '/configs?force=true', '{"path":"","payload":""}'), 204, '');
      await expectAnswer(
        send('PUT', '/configs?force=yes', '{"path":"relative","payload":"mode: rule"}'),
        204,
        '',
      );
      await expectAnswer(send('PUT', '/configs', '{"path":"/home/sluice/other.yaml"}'), 204, '');
      await expectAnswer(send('PUT', '/configs', '{"path":"/etc/sluice/x/y.yaml"}'), 204, '');
      assert.deepEqual(fixture.reloads, [
        { path: '', payload: '', force: true },
        { path: '', payload: 'mode: rule', force: false },
        { path: '/home/sluice/other.yaml', payload: '', force: false },
        { path: '/etc/sluice/x/y.yaml', payload: '', force: false },
      ]);
    });

    it('refuses a reload with exact texts', async () => {
      await expectAnswer(send('PUT', '/configs'), 400, BODY_INVALID);
      await expectAnswer(send('PUT', '/configs', '{"path":1}'), 400, BODY_INVALID);
      await expectAnswer(
        send('PUT', '/configs', '{"path":"c.yaml"}'),
        400,
        '{"message":"path is not a absolute path"}\n',
      );
      for (const path of ['/home/sluice/../x.yaml', '/home/sluicex', '/etc/passwd']) {
        const { status, body } = await send('PUT', '/configs', JSON.stringify({ path }));
        const message = `path is not subpath of home directory or SAFE_PATHS: ${path} \n allowed paths: [/home/sluice /etc/sluice]`;
        assert.deepEqual([status, JSON.parse(body)], [400, { message }]);
      }
      await expectAnswer(
        send('PUT', '/configs', '{"payload":"bad"}'),
        400,
        '{"message":"yaml: line 1: bad"}\n',
      );
    });
  });

  describe('/proxies', () => {
    const japan =
      '{"alive":true,"dialer-proxy":"","extra":{"https://t.example/?a=1\\u0026b=2":{"alive":true,"history":[{"time":"T","delay":120}]}},' +
      '"history":[{"time":"T","delay":120}],"id":"id-Japan","interface":"","mptcp":false,"name":"Japan","provider-name":"",' +
      '"routing-mark":0,"smux":false,"tfo":false,"type":"Shadowsocks","udp":true,"uot":false,"xudp":false}';

    it('lists everything by name, sorted', async () => {
      const { status, body } = await get('/proxies');
      assert.equal(status, 200);
      assert.ok(body.startsWith('{"proxies":{"10":{"alive":true,'), body);
      const names = [...body.matchAll(/"name":"([^"]+)"/g)].map(([, name]) => name);
      assert.deepEqual(names, ['10', '50%', '9', 'DIRECT', 'GLOBAL', 'Japan', 'Proxy', 'a b', 'a/b']);
    });

    it('shows a leaf with sorted members', async () => {
      await expectAnswer(get('/proxies/Japan'), 200, `${japan.replaceAll('"T"', `"${NOW}"`)}\n`);
    });

    it('shows a selector, hiding the usual test URL', async () => {
      const proxy = JSON.parse((await get('/proxies/Proxy')).body);
      assert.deepEqual(Object.keys(proxy), [
        'alive',
        'all',
        'dialer-proxy',
        'emptyFallback',
        'extra',
        'hidden',
        'history',
        'icon',
        'interface',
        'mptcp',
        'name',
        'now',
        'provider-name',
        'routing-mark',
        'smux',
        'testUrl',
        'tfo',
        'type',
        'udp',
        'uot',
        'xudp',
      ]);
      assert.deepEqual(
        [proxy.all, proxy.now, proxy.testUrl, proxy.emptyFallback],
        [['Japan', 'DIRECT'], 'Japan', 'https://t.example/204', 'COMPATIBLE'],
      );
      assert.equal(JSON.parse((await get('/proxies/GLOBAL')).body).testUrl, '');
    });

    it('finds names with any character, decoded once or twice', async () => {
      for (const [path, name] of [
        ['a%2Fb', 'a/b'],
        ['50%25', '50%'],
        ['a%20b', 'a b'],
        ['a%2520b', 'a b'],
        ['a%252Fb', 'a/b'],
      ] as const) {
        assert.equal(JSON.parse((await get(`/proxies/${path}`)).body).name, name);
      }
      await expectAnswer(get('/proxies/a+b'), 404, RESOURCE_NOT_FOUND);
      await expectAnswer(get('/proxies/a/b'), 404, '404 page not found\n');
      await expectAnswer(get('/proxies/none'), 404, RESOURCE_NOT_FOUND);
    });

    it('selects a member of a group', async () => {
      await expectAnswer(send('PUT', '/proxies/Proxy', '{"name":"DIRECT"}'), 204, '');
      assert.deepEqual(fixture.route.asked, ['select Proxy DIRECT']);
      await expectAnswer(send('PUT', '/proxies/none', 'x'), 404, RESOURCE_NOT_FOUND);
      await expectAnswer(send('PUT', '/proxies/Proxy', 'x'), 400, BODY_INVALID);
      await expectAnswer(send('PUT', '/proxies/Proxy', '{"name":1}'), 400, BODY_INVALID);
      await expectAnswer(
        send('PUT', '/proxies/Japan', '{"name":"DIRECT"}'),
        400,
        '{"message":"Must be a Selector"}\n',
      );
      for (const body of ['{"name":"a b"}', '{}', '{"name":null}', 'null']) {
        await expectAnswer(
          send('PUT', '/proxies/Proxy', body),
          400,
          '{"message":"Selector update error: proxy not exist"}\n',
        );
      }
    });

    it('has no automatic choice to return to', async () => {
      await expectAnswer(send('DELETE', '/proxies/Proxy'), 400, BODY_INVALID);
      await expectAnswer(send('DELETE', '/proxies/Japan'), 400, BODY_INVALID);
      await expectAnswer(send('DELETE', '/proxies/none'), 404, RESOURCE_NOT_FOUND);
    });
  });

  describe('delay tests', () => {
    const url = encodeURIComponent('http://t.example/?a=1');

    it('measures one outbound', async () => {
      fixture.route.delay = () => 123;
      await expectAnswer(
        get(`/proxies/Japan/delay?timeout=5000&url=${url}&expected=200/204`),
        200,
        '{"delay":123}\n',
      );
      await expectAnswer(get(`/proxies/a%2Fb/delay?timeout=32767&url=${url}`), 200, '{"delay":123}\n');
      assert.deepEqual(fixture.route.asked, [
        'delay Japan http://t.example/?a=1 5000 200/204',
        'delay a/b http://t.example/?a=1 32767 *',
      ]);
      await expectAnswer(get(`/proxies/none/delay?timeout=5000&url=${url}`), 404, RESOURCE_NOT_FOUND);
    });

    it('refuses bad queries', async () => {
      for (const query of [
        '',
        'timeout=',
        'timeout=5s',
        'timeout=1.5',
        'timeout=32768',
        'timeout=-32769',
        'timeout=5&expected=abc',
        'timeout=5&expected=200-',
        'timeout=5&expected=1-2-3',
        `timeout=5&expected=${Array(29).fill('200').join('/')}`,
      ]) {
        await expectAnswer(get(`/proxies/Japan/delay?${query}`), 400, BODY_INVALID);
      }
      for (const expected of ['', '*', '200,302,401-429', '299-200']) {
        assert.equal((await get(`/proxies/Japan/delay?timeout=5&expected=${expected}`)).status, 200);
      }
    });

    it('words failures', async () => {
      const failed = '{"message":"An error occurred in the delay test"}\n';
      const timeout = '{"message":"Timeout"}\n';
      for (const value of ['0', '-1', '-32768'])
        await expectAnswer(get(`/proxies/Japan/delay?timeout=${value}`), 504, timeout);
      assert.deepEqual(fixture.route.asked, []);
      fixture.route.delay = () => {
        throw new GatewayError('timeout', 'route.timeout', 'too slow');
      };
      await expectAnswer(get('/proxies/Japan/delay?timeout=5'), 504, timeout);
      fixture.route.delay = () => {
        throw new GatewayError('unavailable', 'route.unreachable', 'refused');
      };
      await expectAnswer(get('/proxies/Japan/delay?timeout=5'), 503, failed);
      fixture.route.delay = () => 0;
      await expectAnswer(get('/proxies/Japan/delay?timeout=5'), 503, failed);
      fixture.route.delay = () => 123;
    });

    it('measures the members of a group', async () => {
      await expectAnswer(
        get(`/group/Proxy/delay?timeout=2147483647&url=${url}`),
        200,
        '{"DIRECT":35,"Japan":120}\n',
      );
      assert.deepEqual(fixture.route.asked, ['group-delay Proxy http://t.example/?a=1 2147483647 *']);
      await expectAnswer(get('/group/Proxy/delay?timeout=2147483648'), 400, BODY_INVALID);
      await expectAnswer(get('/group/Japan/delay?timeout=5'), 404, RESOURCE_NOT_FOUND);
      const usual = fixture.route.groupDelays;
      const none = '{"message":"get delay: all proxies timeout"}\n';
      fixture.route.groupDelays = () => {
        throw new GatewayError('timeout', 'route.timeout', 'nobody answered');
      };
      await expectAnswer(get('/group/Proxy/delay?timeout=5'), 504, none);
      fixture.route.groupDelays = async () => new Map();
      await expectAnswer(get('/group/Proxy/delay?timeout=5'), 504, none);
      fixture.route.groupDelays = usual;
    });
  });

  describe('/group and providers', () => {
    it('lists groups only', async () => {
      const { proxies } = JSON.parse((await get('/group')).body);
      assert.deepEqual(
        proxies.map(({ name }: { name: string }) => name),
        ['Proxy', 'GLOBAL'],
      );
      assert.equal(JSON.parse((await get('/group/Proxy')).body).now, 'Japan');
      await expectAnswer(get('/group/Japan'), 404, RESOURCE_NOT_FOUND);
    });

    it('derives compatible providers from groups', async () => {
      const { providers } = JSON.parse((await get('/providers/proxies')).body);
      assert.deepEqual(Object.keys(providers), ['Proxy', 'default']);
      const { proxies, ...rest } = providers.Proxy;
      assert.deepEqual(rest, {
        name: 'Proxy',
        type: 'Proxy',
        vehicleType: 'Compatible',
        testUrl: 'https://t.example/204',
        expectedStatus: '*',
        updatedAt: '0001-01-01T00:00:00Z',
      });
      assert.deepEqual(
        proxies.map(({ name }: { name: string }) => name),
        ['Japan', 'DIRECT'],
      );
      const names = JSON.parse((await get('/providers/proxies/default')).body).proxies.map(
        ({ name }: { name: string }) => name,
      );
      assert.deepEqual(names, ['DIRECT', 'Japan', 'Proxy']);
      await expectAnswer(get('/providers/proxies/none'), 404, RESOURCE_NOT_FOUND);
    });

    it('refreshes and checks the health of providers', async () => {
      await expectAnswer(send('PUT', '/providers/proxies/Proxy'), 204, '');
      await expectAnswer(send('PUT', '/providers/proxies/none'), 404, RESOURCE_NOT_FOUND);
      await expectAnswer(get('/providers/proxies/default/healthcheck'), 204, '');
      assert.deepEqual(fixture.route.asked, []);
      await expectAnswer(get('/providers/proxies/Proxy/healthcheck'), 204, '');
      assert.deepEqual(fixture.route.asked, ['group-delay Proxy https://t.example/204 5000 *']);
      const usual = fixture.route.groupDelays;
      fixture.route.groupDelays = () => {
        throw new GatewayError('timeout', 'route.timeout', 'nobody answered');
      };
      await expectAnswer(get('/providers/proxies/Proxy/healthcheck'), 204, '');
      fixture.route.groupDelays = usual;
      await expectAnswer(get('/providers/proxies/none/healthcheck'), 404, RESOURCE_NOT_FOUND);
    });

    it('reaches single members', async () => {
      assert.equal(JSON.parse((await get('/providers/proxies/Proxy/Japan')).body).name, 'Japan');
      await expectAnswer(get('/providers/proxies/Proxy/a%20b'), 404, RESOURCE_NOT_FOUND);
      await expectAnswer(get('/providers/proxies/Proxy/Japan/healthcheck?timeout=5'), 200, '{"delay":123}\n');
      await expectAnswer(get('/providers/proxies/Proxy/none/healthcheck?timeout=5'), 404, RESOURCE_NOT_FOUND);
    });

    it('has no rule providers', async () => {
      await expectAnswer(get('/providers/rules'), 200, '{"providers":{}}\n');
      await expectAnswer(send('PUT', '/providers/rules/some'), 404, RESOURCE_NOT_FOUND);
    });
  });

  describe('/rules', () => {
    it('lists rules with their counters', async () => {
      const zero = formatTime(0);
      await expectAnswer(
        get('/rules'),
        200,
        `{"rules":[{"index":0,"type":"DomainSuffix","payload":"example.com","proxy":"Proxy","size":-1,"extra":{"disabled":false,"hitCount":2,"hitAt":"${NOW}","missCount":0,"missAt":"${zero}"}},` +
          `{"index":1,"type":"Match","payload":"","proxy":"DIRECT","size":-1,"extra":{"disabled":true,"hitCount":0,"hitAt":"${zero}","missCount":0,"missAt":"${zero}"}}]}\n`,
      );
    });

    it('disables rules by index, all or nothing', async () => {
      await expectAnswer(send('PATCH', '/rules/disable', '{"0":true,"1":false,"7":true,"-1":true}'), 204, '');
      assert.deepEqual(fixture.route.asked, ['disable [[0,true],[1,false]]']);
      for (const body of [undefined, '[]', '{"0":true,"x":true}', '{"0":"true"}', '{"0.5":true}']) {
        await expectAnswer(send('PATCH', '/rules/disable', body), 400, BODY_INVALID);
      }
      assert.equal(fixture.route.asked.length, 1);
    });
  });

  describe('/connections', () => {
    const record =
      '{"id":"6f9b2c1e-7a44-4f0e-9d0b-2d1f6a1c5b7e","metadata":{"network":"tcp","type":"HTTPS","sourceIP":"192.168.1.2","destinationIP":"","sourceGeoIP":null,"destinationGeoIP":null,' +
      '"sourceIPASN":"","destinationIPASN":"","sourcePort":"52341","destinationPort":"443","inboundIP":"192.168.1.1","inboundPort":"7890","inboundName":"DEFAULT-MIXED","inboundUser":"","rematchName":"",' +
      '"host":"example.com","dnsMode":"normal","uid":0,"process":"","processPath":"","specialProxy":"","specialRules":"","remoteDestination":"203.0.113.7","dscp":0,"sniffHost":""},' +
      `"upload":10,"download":20,"start":"${NOW}","chains":["Japan","Proxy"],"providerChains":["",""],"rule":"DomainSuffix","rulePayload":"example.com"}`;

    it('shows one snapshot', async () => {
      const { body } = await get('/connections?interval=x');
      assert.ok(
        body.startsWith(`{"downloadTotal":4,"uploadTotal":3,"connections":[${record}],"memory":`),
        body,
      );
      assert.ok(JSON.parse(body).memory > 0);
      fixture.route.open = [];
      assert.equal(JSON.parse((await get('/connections')).body).connections, null);
      fixture.route.open = [{ ...connection, metadata: { ...connection.metadata, type: 'Inner' } }];
      assert.equal(JSON.parse((await get('/connections')).body).connections[0].metadata.process, 'mihomo');
      fixture.route.open = [connection];
    });

    it('follows over WebSocket at the interval', async () => {
      const feed = await openFeed(listener, '/connections?interval=200');
      assert.ok((await feed.next()).endsWith('}\n'));
      fixture.clock.advance(199);
      fixture.route.open = [];
      fixture.clock.advance(1);
      assert.equal(JSON.parse(await feed.next()).connections, null);
      fixture.route.open = [connection];
      feed.socket.terminate();
    });

    it('closes the socket after an interval it cannot use', async () => {
      const negative = await openFeed(listener, '/connections?interval=-5');
      assert.match(await negative.next(), /^\{"downloadTotal"/);
      await negative.closed;
      await (await openFeed(listener, '/connections?interval=soon')).closed;
    });

    it('closes connections, unknown ones included', async () => {
      await expectAnswer(send('DELETE', '/connections'), 204, '');
      await expectAnswer(send('DELETE', '/connections/none'), 204, '');
      assert.deepEqual(fixture.route.asked, ['close all', 'close none']);
    });
  });

  describe('streams', () => {
    it('sends traffic every second, as lines and as frames', async () => {
      const expected = '{"up":1,"down":2,"upTotal":3,"downTotal":4}\n';
      const feed = await openFeed(listener, '/traffic');
      fixture.clock.advance(1_000);
      assert.equal(await feed.next(), expected);
      fixture.clock.advance(1_000);
      assert.equal(await feed.next(), expected);
      feed.socket.terminate();
      await feed.closed;
      const ticking = setInterval(() => fixture.clock.advance(1_000), 5);
      const lines = await openLines('/traffic');
      assert.equal(lines.response.headers['content-type'], 'application/json');
      assert.equal(lines.response.headers['transfer-encoding'], 'chunked');
      assert.equal(await lines.next(), expected);
      lines.response.destroy();
      clearInterval(ticking);
    });

    it('starts the memory stream with zero', async () => {
      const feed = await openFeed(listener, '/memory');
      fixture.clock.advance(2_000);
      assert.equal(await feed.next(), '{"inuse":0,"oslimit":0}\n');
      assert.ok(JSON.parse(await feed.next()).inuse > 0);
      feed.socket.terminate();
    });

    it('follows the log from the asked level on, without history', async () => {
      const { logger } = fixture.logs;
      logger.child('route').info('before anybody listened');
      const feed = await openFeed(listener, '/logs?level=warning');
      logger.child('route').info('too low');
      logger.child('route').warning('[TCP] dial <x>', { flow: 'f1' });
      logger.warning('unscoped');
      logger.child('media').error('lost', { app: 'live', n: 1 });
      assert.equal(await feed.next(), '{"type":"warning","payload":"[TCP] dial \\u003cx\\u003e"}\n');
      assert.equal(await feed.next(), '{"type":"warning","payload":"unscoped"}\n');
      assert.equal(await feed.next(), '{"type":"error","payload":"[media] lost app=live n=1"}\n');
      feed.socket.terminate();
      const debug = await openFeed(listener, '/logs?level=debug&format=structured');
      logger.child('route').warning('slow');
      const time = new Date(NOW_MS).toTimeString().slice(0, 8);
      assert.equal(await debug.next(), `{"time":"${time}","level":"warn","message":"slow","fields":[]}\n`);
      logger.child('route').debug('detail');
      assert.match(await debug.next(), /"level":"debug"/);
      debug.socket.terminate();
    });

    it('forgets a listener that has left', async () => {
      const { logger } = fixture.logs;
      // Headers leave with the first line, so lines are written until they have arrived.
      const writing = setInterval(() => logger.child('route').debug('a line'), 2);
      const { response: lines } = await openLines('/logs?level=debug');
      clearInterval(writing);
      assert.equal(logger.enabled('debug'), true);
      lines.on('error', () => {});
      lines.destroy();
      while (logger.enabled('debug')) await new Promise(setImmediate);
    });

    it('refuses an unknown log level before any upgrade', async () => {
      for (const level of ['INFO', 'trace', 'x'])
        await expectAnswer(get(`/logs?level=${level}`), 400, BODY_INVALID);
      await assert.rejects(openFeed(listener, '/logs?level=loud'), /400/);
      const usual = await openFeed(listener, '/logs?level=');
      usual.socket.terminate();
    });

    it('drops log lines of a client that does not read, and only of that one', async () => {
      const slow = await openFeed(listener, '/logs');
      slow.socket.pause();
      const quick = await openFeed(listener, '/logs');
      const line = 'x'.repeat(100_000);
      for (let index = 0; index < 300; index++) {
        fixture.logs.logger.child('route').info(line);
        await quick.next();
      }
      const seen: string[] = [];
      slow.socket.on('message', (message) => seen.push(String(message)));
      fixture.logs.logger.child('route').info('last');
      while (!(await quick.next()).includes('last'));
      slow.socket.resume();
      const drained = new Promise<void>((resolve) => slow.socket.on('pong', () => resolve()));
      slow.socket.ping();
      await drained;
      assert.ok(seen.length < 300, `${seen.length} lines reached a client that was not reading`);
      slow.socket.terminate();
      quick.socket.terminate();
    });
  });
});
