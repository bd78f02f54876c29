import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import type { HttpListener } from '@sluice/core/http/http-listener';
import {
  type Answer,
  type CallOptions,
  call,
  listen,
  openFeed,
  silentLogger,
  stop,
} from '../test-support/http-client.ts';
import { FakeMedia, SOURCE_JSON, session, source } from './test-support.ts';
import { createZlmDialect } from './zlm-dialect.ts';

const SECRET = 'top-secret';
const STREAM_QUERY = 'schema=rtmp&vhost=__defaultVhost__&app=live&stream=test';

describe('zlm dialect', { timeout: 60_000 }, () => {
  const media = new FakeMedia();
  let listener: HttpListener;

  before(async () => {
    listener = await listen(
      createZlmDialect({
        media,
        build: { branchName: 'main', buildTime: '2026-11-21T12:00:00', commitHash: 'abcdef0' },
        serverToken: 'Sluice/0.1.0',
        clock: new FakeClock(),
        log: silentLogger,
      }),
    );
  });

  after(() => stop(listener));

  beforeEach(() => {
    media.asked.length = 0;
    media.live = [source];
    media.accepted = [session];
    media.settings = new Map([
      ['api.secret', SECRET],
      ['general.enableVhost', '0'],
      ['hook.on_play', 'http://hook'],
      ['http.allow_cross_domains', '1'],
      ['http.keepAliveSecond', '10'],
      ['http.notFound', '<p>not here</p>'],
      ['ffmpeg.bin', '/usr/bin/ffmpeg'],
    ]);
  });

  const get = (path: string, options: CallOptions = {}): Promise<Answer> =>
    call(listener, 'GET', path, options);
  /** Calls an endpoint with the secret and returns the envelope. */
  const api = async (name: string, query = ''): Promise<Record<string, unknown>> => {
    const answer = await get(`/index/api/${name}?secret=${SECRET}&${query}`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
    return JSON.parse(answer.body);
  };

  it('answers although the configured character set is no name', async () => {
    for (const charSet of ['utf-8\r\nX-Evil: 1', '中文', '']) {
      media.settings = new Map([...media.settings, ['http.charSet', charSet]]);
      const answer = await get(`/index/api/version?secret=${SECRET}`);
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
    }
  });

  describe('transport', () => {
    it('ignores case, but not a trailing slash', async () => {
      assert.equal((await get(`/INDEX/Api/VERSION?secret=${SECRET}`)).status, 200);
      assert.equal((await get(`/index/api/%76ersion?secret=${SECRET}`)).status, 200);
      assert.equal((await get(`/index/api/version/?secret=${SECRET}`)).status, 404);
    });

    it('dispatches GET, POST, PUT and DELETE alike', async () => {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
        const answer = await call(listener, method, `/index/api/version?secret=${SECRET}`);
        assert.equal(JSON.parse(answer.body).code, 0);
      }
    });

    it('answers HEAD with an empty 200 whatever the path', async () => {
      for (const path of ['/index/api/version', '/nothing']) {
        const answer = await call(listener, 'HEAD', path);
        assert.deepEqual(
          [answer.status, answer.headers['content-length'], answer.headers['content-type']],
          [200, '0', undefined],
        );
      }
    });

    it('answers OPTIONS with what it allows, and closes', async () => {
      const answer = await call(listener, 'OPTIONS', '/nothing');
      assert.deepEqual([answer.status, answer.body], [200, '']);
      assert.equal(answer.headers.allow, 'GET, POST, PUT, HEAD, OPTIONS, DELETE');
      assert.equal(answer.headers['access-control-allow-origin'], '*');
      assert.equal(answer.headers['access-control-allow-headers'], '*');
      assert.equal(answer.headers['access-control-allow-methods'], 'GET, POST, PUT, HEAD, OPTIONS, DELETE');
      assert.equal(answer.headers['access-control-allow-credentials'], 'true');
      assert.equal(answer.headers['access-control-request-methods'], 'GET, POST, PUT, OPTIONS, DELETE');
      assert.equal(
        answer.headers['access-control-request-headers'],
        'Accept,Accept-Language,Content-Language,Content-Type',
      );
      assert.equal(answer.headers.connection, 'close');
      media.settings.set('http.allow_cross_domains', '0');
      assert.equal((await call(listener, 'OPTIONS', '/')).headers['access-control-allow-origin'], undefined);
    });

    it('refuses other methods with 405 and closes', async () => {
      for (const method of ['PATCH', 'PROPFIND']) {
        const answer = await call(listener, method, '/index/api/version');
        assert.deepEqual([answer.status, answer.headers.connection], [405, 'close']);
      }
    });

    it('answers unknown paths with a page for GET and nothing for the others', async () => {
      for (const path of ['/nothing', '/index/api/nothing', '/index/api/%zz']) {
        const page = await get(path);
        assert.deepEqual(
          [page.status, page.body, page.headers['content-type']],
          [404, '<p>not here</p>', 'text/html; charset=utf-8'],
        );
        const empty = await call(listener, 'POST', path);
        assert.deepEqual([empty.status, empty.body], [404, '']);
      }
    });

    it('refuses a WebSocket that asks for no stream', async () => {
      await assert.rejects(openFeed(listener, '/index/api/version'), /501/);
    });

    it('closes without a word on an oversized body', async () => {
      await assert.rejects(call(listener, 'POST', '/index/api/version', { body: 'x'.repeat(40_961) }));
    });

    it('announces keep-alive, the product and the allowed origin', async () => {
      const answer = await get('/index/api/version', {
        headers: { origin: 'https://ui.example', connection: 'keep-alive' },
      });
      assert.equal(answer.headers.server, 'Sluice/0.1.0');
      assert.equal(answer.headers.connection, 'keep-alive');
      assert.equal(answer.headers['keep-alive'], 'timeout=10, max=100');
      assert.equal(answer.headers['access-control-allow-origin'], 'https://ui.example');
      assert.equal(answer.headers['access-control-allow-credentials'], 'true');
      assert.equal(
        (await get('/index/api/version', { headers: { connection: 'close' } })).headers.connection,
        'close',
      );
    });
  });

  describe('authentication', () => {
    it('asks for a login with a cookie when the secret is missing or wrong', async () => {
      for (const path of [
        '/index/api/version',
        '/index/api/version?secret=wrong',
        '/index/',
        '/index/api/close_stream',
      ]) {
        const answer = await get(path);
        const envelope = JSON.parse(answer.body);
        assert.deepEqual([answer.status, envelope.code, envelope.msg], [200, -100, 'Please login first']);
        assert.match(envelope.cookie, /^[0-9a-f]{32}$/);
        assert.match(
          answer.headers['set-cookie']?.[0] ?? '',
          new RegExp(`^ZLM_UNLOGIN=${envelope.cookie};expires=\\w{3}, .* GMT;path=/$`),
        );
      }
      const cookie = 'a'.repeat(32);
      const again = await get('/index/api/version', { headers: { cookie: `x=1; ZLM_UNLOGIN=${cookie}` } });
      assert.equal(JSON.parse(again.body).cookie, cookie);
      assert.equal(again.headers['set-cookie'], undefined);
    });

    it('never accepts an empty configured secret', async () => {
      media.settings.set('api.secret', '');
      assert.equal(JSON.parse((await get('/index/api/version?secret=')).body).code, -100);
    });

    it('takes the secret from query, form, JSON or header', async () => {
      const form = 'application/x-www-form-urlencoded; charset=utf-8';
      for (const options of [
        { headers: { secret: SECRET } },
        { headers: { 'content-type': form }, body: ` secret =${SECRET}` },
        { headers: { 'content-type': form }, body: 'Secret=top%2Dsecret' },
        { headers: { 'content-type': 'application/json' }, body: `{"secret":"${SECRET}","nested":{"a":1}}` },
      ]) {
        assert.equal(JSON.parse((await call(listener, 'POST', '/index/api/version', options)).body).code, 0);
      }
      const ignored = { headers: { 'content-type': 'text/plain' }, body: `secret=${SECRET}` };
      assert.equal(JSON.parse((await call(listener, 'POST', '/index/api/version', ignored)).body).code, -100);
    });

    it('keeps callers outside the allowed addresses out', async () => {
      const allowed = async (range: string, headers: Record<string, string> = {}) => {
        media.settings.set('http.allow_ip_range', range);
        return JSON.parse((await get(`/index/api/version?secret=${SECRET}`, { headers })).body);
      };
      assert.equal((await allowed('10.0.0.1, 127.0.0.0-127.0.0.255,::1')).code, 0);
      assert.deepEqual(await allowed('10.0.0.1-10.0.0.9,192.168.0.9-192.168.0.1,nonsense'), {
        code: -100,
        msg: 'Your ip is not allowed to access the service.',
      });
      media.settings.set('http.forwarded_ip_header', 'X-Real-IP');
      assert.equal((await allowed('2001:db8::1-2001:db8::ff', { 'x-real-ip': '2001:db8::7' })).code, 0);
      assert.equal((await allowed('127.0.0.1', { 'x-real-ip': 'not an address' })).code, -100);
    });
  });

  describe('parameters', () => {
    it('lets the query override the body, skips empty values and ignores case', async () => {
      const options = {
        headers: { 'content-type': 'application/json', stream: 'from-header' },
        body: '{"schema":"from-body","APP":"live","number":1,"nothing":null,"list":[1]}',
      };
      await call(
        listener,
        'POST',
        `/index/api/getMediaList?secret=${SECRET}&SCHEMA=r%2Btm+p&vhost=&stream=`,
        options,
      );
      assert.deepEqual(media.asked, ['sources {"schema":"r+tm p","app":"live","stream":"from-header"}']);
    });

    it('takes the last of repeated names and a stray percent sign as it is', async () => {
      await api('getMediaList', 'app=one&app=50%&stream');
      assert.deepEqual(media.asked, ['sources {"app":"50%"}']);
    });

    it('takes malformed JSON for no body', async () => {
      for (const body of ['{"schema":', '["schema"]', '"schema"']) {
        const answer = await call(listener, 'POST', `/index/api/isMediaOnline?secret=${SECRET}`, {
          headers: { 'content-type': 'application/json' },
          body,
        });
        assert.equal(JSON.parse(answer.body).code, -300);
      }
    });

    it('replaces the virtual host unless they are enabled', async () => {
      await api('getMediaList', 'vhost=other.example');
      media.settings.set('general.enableVhost', '1');
      await api('getMediaList', 'vhost=other.example');
      assert.deepEqual(media.asked, [
        'sources {"vhost":"__defaultVhost__"}',
        'sources {"vhost":"other.example"}',
      ]);
    });

    it('names the complete list of required parameters', async () => {
      const tight = 'Required parameter missed: "schema","vhost","app","stream"';
      for (const [name, msg] of [
        ['isMediaOnline', tight],
        ['getMediaInfo', tight],
        ['close_stream', tight],
        ['getMediaPlayerList', 'Required parameter missed: "schema", "vhost", "app", "stream"'],
        ['kick_session', 'Required parameter missed: "id"'],
      ] as const) {
        assert.deepEqual(await api(name, 'schema=rtmp&app=live&stream='), { code: -300, msg });
      }
    });
  });

  describe('server endpoints', () => {
    it('lists its paths', async () => {
      const { code, data } = await api('getApiList');
      assert.equal(code, 0);
      assert.deepEqual(data, [
        '/index/',
        '/index/api/close_stream',
        '/index/api/close_streams',
        '/index/api/getAllSession',
        '/index/api/getApiList',
        '/index/api/getMediaInfo',
        '/index/api/getMediaList',
        '/index/api/getMediaPlayerList',
        '/index/api/getServerConfig',
        '/index/api/getStatistic',
        '/index/api/getThreadsLoad',
        '/index/api/getWorkThreadsLoad',
        '/index/api/isMediaOnline',
        '/index/api/kick_session',
        '/index/api/kick_sessions',
        '/index/api/setServerConfig',
        '/index/api/version',
      ]);
      assert.deepEqual(JSON.parse((await get(`/index/?secret=${SECRET}`)).body), { code, data });
    });

    it('reports threads, statistics and version', async () => {
      assert.deepEqual(await api('getThreadsLoad'), {
        code: 0,
        data: [{ delay: 1, fd_count: 9, load: 3, name: 'event poller 0' }],
      });
      assert.deepEqual(await api('getWorkThreadsLoad'), {
        code: 0,
        data: [{ delay: 1, fd_count: 9, load: 3, name: 'work poller 0' }],
      });
      const { data } = (await api('getStatistic')) as { data: Record<string, number> };
      assert.deepEqual(
        [data.MediaSource, data.TcpSession, data.RtmpPacket, Object.keys(data).length],
        [3, 2, 0, 16],
      );
      assert.deepEqual(await api('version'), {
        code: 0,
        data: { branchName: 'main', buildTime: '2026-11-21T12:00:00', commitHash: 'abcdef0' },
      });
    });

    it('writes members in ascending order', async () => {
      const { body } = await get(`/index/api/version?secret=${SECRET}`);
      assert.equal(
        body,
        '{"code":0,"data":{"branchName":"main","buildTime":"2026-11-21T12:00:00","commitHash":"abcdef0"}}\n',
      );
    });

    it('shows and changes settings', async () => {
      const { data } = await api('getServerConfig');
      assert.deepEqual(data, [Object.fromEntries(media.settings)]);
      assert.deepEqual(
        await api('setServerConfig', 'hook.on_play=&http.keepAliveSecond=10&unknown.key=1&ffmpeg.bin=evil'),
        {
          changed: 1,
          code: 0,
        },
      );
      assert.equal(media.settings.get('hook.on_play'), '');
      assert.equal(media.settings.get('ffmpeg.bin'), '/usr/bin/ffmpeg');
      assert.deepEqual(await api('setServerConfig', 'api.secret=changed'), { changed: 1, code: 0 });
      assert.equal(JSON.parse((await get(`/index/api/version?secret=${SECRET}`)).body).code, -100);
    });
  });

  describe('streams', () => {
    it('lists sources, with loss only for a single one, and without data when there is none', async () => {
      assert.deepEqual(await api('getMediaList'), { code: 0, data: [SOURCE_JSON] });
      media.live = [source, { ...source, schema: 'hls', originSocket: undefined }];
      const { data } = (await api('getMediaList')) as { data: { originSock: unknown; tracks: object[] }[] };
      assert.equal(data[1]?.originSock, null);
      assert.ok(data.every(({ tracks }) => tracks.every((track) => !('loss' in track))));
      assert.deepEqual(await api('getMediaList', 'app=none'), { code: 0 });
    });

    it('tells whether a stream is live', async () => {
      assert.deepEqual(await api('isMediaOnline', STREAM_QUERY), { code: 0, online: true });
      media.live = [];
      assert.deepEqual(await api('isMediaOnline', STREAM_QUERY), { code: 0, online: false });
    });

    it('puts the members of one stream at top level', async () => {
      assert.deepEqual(await api('getMediaInfo', STREAM_QUERY), { code: 0, ...SOURCE_JSON });
      media.live = [];
      assert.deepEqual(await api('getMediaInfo', STREAM_QUERY), {
        code: -500,
        msg: 'can not find the stream',
      });
    });

    it('lists viewers', async () => {
      assert.deepEqual(await api('getMediaPlayerList', STREAM_QUERY), {
        code: 0,
        data: [{ ...SOURCE_JSON.originSock, typeid: 'mediakit::HttpSession' }],
      });
      media.live = [];
      assert.deepEqual(await api('getMediaPlayerList', STREAM_QUERY), {
        code: -500,
        msg: 'can not find the stream',
      });
    });

    it('closes a stream, a watched one only by force', async () => {
      assert.deepEqual(await api('close_stream', STREAM_QUERY), {
        code: -1,
        msg: 'close failed',
        result: -1,
      });
      assert.deepEqual(await api('close_stream', `${STREAM_QUERY}&force=500`), {
        code: -1,
        msg: 'close failed',
        result: -1,
      });
      assert.deepEqual(await api('close_stream', `${STREAM_QUERY}&force=True`), {
        code: 0,
        msg: 'success',
        result: 0,
      });
      assert.deepEqual(await api('close_stream', `${STREAM_QUERY}&force=1`), {
        code: -500,
        msg: 'can not find the stream',
      });
    });

    it('closes every match', async () => {
      media.live = [source, { ...source, stream: 'quiet', totalReaderCount: 0 }];
      assert.deepEqual(await api('close_streams', 'app=live'), { code: 0, count_closed: 1, count_hit: 2 });
      assert.deepEqual(await api('close_streams', 'force=1'), { code: 0, count_closed: 1, count_hit: 1 });
      assert.deepEqual(await api('close_streams'), { code: 0, count_closed: 0, count_hit: 0 });
    });

    it('words what went wrong inside, without details of a bug', async () => {
      assert.deepEqual(await api('getMediaList', 'app=busy'), { code: -400, msg: 'media is busy' });
      assert.deepEqual(await api('getMediaList', 'app=crash'), { code: -400, msg: 'internal error' });
    });
  });

  describe('sessions', () => {
    type Session = {
      id: string;
      identifier: string;
      type: string;
      typeid: string;
      local_port: number;
      peer_port: number;
    };

    it('lists media sessions and the connection that asks', async () => {
      const { data } = (await api('getAllSession')) as { data: Session[] };
      assert.deepEqual(data[0], {
        ...SOURCE_JSON.originSock,
        id: '7-41',
        type: 'tcp',
        typeid: 'mediakit::RtmpSession',
      });
      const own = data.find(({ local_port }) => local_port === listener.address.port);
      assert.deepEqual(
        [own?.type, own?.typeid, own?.id === own?.identifier],
        ['tcp', 'mediakit::HttpSession', true],
      );
    });

    it('filters by port and address', async () => {
      const ids = async (query: string) =>
        ((await api('getAllSession', query)).data as Session[] | undefined)?.map(({ id }) => id);
      assert.deepEqual(await ids('local_port=1935'), ['7-41']);
      assert.deepEqual(await ids('peer_ip=192.168.1.50&local_port=0'), ['7-41']);
      assert.equal(await ids('peer_ip=10.0.0.1'), undefined);
    });

    it('kicks one session', async () => {
      assert.deepEqual(await api('kick_session', 'id=7-41'), { code: 0 });
      assert.deepEqual(await api('kick_session', 'id=7-41'), { code: -1, msg: 'can not find the target' });
    });

    it('kicks all but the caller', async () => {
      const victim = connect(listener.address.port, '127.0.0.1');
      victim.resume();
      victim.on('error', () => {});
      const closed = new Promise<void>((resolve) => victim.on('close', () => resolve()));
      while (!listener.connections().some(({ peerPort }) => peerPort === victim.localPort))
        await new Promise(setImmediate);
      const { code, count_hit } = (await api('kick_sessions', 'local_port=0')) as {
        code: number;
        count_hit: number;
      };
      assert.equal(code, 0);
      assert.ok(count_hit >= 2);
      await closed;
      assert.deepEqual(media.accepted, []);
    });

    it('kicks the caller itself after the reply', async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const again = async (path: string) =>
        JSON.parse((await get(`${path}?secret=${SECRET}`, { agent })).body);
      await again('/index/api/version');
      const idle = () => Object.values(agent.freeSockets)[0]?.[0];
      while (idle() === undefined) await new Promise(setImmediate);
      const port = idle()?.localPort;
      const own = listener.connections().find(({ peerPort }) => peerPort === port);
      assert.ok(own !== undefined);
      // The media plane lists the same connection under an id of its own.
      media.accepted = [{ ...session, ...own, id: '9-9', typeId: 'mediakit::HttpSession' }];
      const listed = (await api('getAllSession', `local_port=${own.localPort}`)).data as Session[];
      assert.equal(listed.filter(({ peer_port }) => peer_port === own.peerPort).length, 1);
      assert.deepEqual((await get(`/index/api/kick_session?secret=${SECRET}&id=9-9`, { agent })).status, 200);
      while (media.accepted.length > 0) await new Promise(setImmediate);
      const kick = await get(`/index/api/kick_session?secret=${SECRET}&id=${own.id}`, { agent });
      assert.equal(JSON.parse(kick.body).code, 0);
      while (listener.connections().some(({ id }) => id === own.id)) await new Promise(setImmediate);
      agent.destroy();
    });
  });
});
