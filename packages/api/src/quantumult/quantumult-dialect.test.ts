import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import type { HttpListener } from '@sluice/core/http/http-listener';
import { type Answer, type CallOptions, call, listen, stop } from '../test-support/http-client.ts';
import { createQuantumultDialect } from './quantumult-dialect.ts';
import { FakeInspect, response, STORED_MS } from './test-support.ts';

const JSON_HEADERS = { 'content-type': 'application/json' };
const NOW = '2023-09-01T12:34:56.789Z';

describe('quantumult dialect', { timeout: 60_000 }, () => {
  let inspect = new FakeInspect();
  let listener: HttpListener;

  before(async () => {
    // The listener outlives single tests, so it looks the plane up anew for every call.
    const current = new Proxy({} as FakeInspect, {
      get(_target, name) {
        const value = Reflect.get(inspect, name) as unknown;
        return typeof value === 'function' ? value.bind(inspect) : value;
      },
    });
    listener = await listen(
      createQuantumultDialect({ inspect: current, clock: new FakeClock(STORED_MS), secret: '' }),
    );
  });
  after(() => stop(listener));
  beforeEach(() => {
    inspect = new FakeInspect();
  });

  const send = (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = JSON_HEADERS,
  ): Promise<Answer> => {
    const options: CallOptions =
      body === undefined ? {} : { headers, body: typeof body === 'string' ? body : JSON.stringify(body) };
    return call(listener, method, path, options);
  };
  const expectJson = async (answer: Promise<Answer>, status: number, body: unknown): Promise<void> => {
    const { status: actual, body: text, headers } = await answer;
    assert.deepEqual([actual, JSON.parse(text)], [status, body]);
    assert.equal(headers['content-type'], 'application/json; charset=utf-8');
    assert.equal(headers['cache-control'], 'no-store');
  };
  const refusal = (text: string) => ({ success: false, message: text, error: text });

  describe('transport', () => {
    it('ignores case and a trailing slash, and answers HEAD like GET', async () => {
      assert.equal((await send('GET', '/Admin/Hosts/')).status, 200);
      const head = await send('HEAD', '/admin/hosts');
      assert.deepEqual(
        [head.status, head.body, head.headers['content-type']],
        [200, '', 'application/json; charset=utf-8'],
      );
    });

    it('answers unknown paths and methods with a request id', async () => {
      const first = await send('GET', '/admin/nothing?x=1');
      const { request_id: id, ...rest } = JSON.parse(first.body);
      assert.deepEqual(
        [first.status, rest],
        [404, { error: '未找到', message: '找不到路径: /admin/nothing?x=1' }],
      );
      assert.match(id, /^2023090[12]_\d{6}_\d{3}$/);
      const next = JSON.parse((await send('PUT', '/admin/hosts')).body);
      assert.equal(next.message, '找不到路径: /admin/hosts');
      assert.equal(Number(next.request_id.slice(-3)), Number(id.slice(-3)) + 1);
      assert.equal((await send('GET', '/elsewhere')).status, 404);
      assert.equal((await send('OPTIONS', '/admin/hosts')).status, 404);
    });

    it('writes Chinese unescaped', async () => {
      assert.ok((await send('GET', '/admin/hosts/active')).body.includes('"24 小时"'));
    });

    it('wants JSON bodies', async () => {
      const confirm = { confirm: 'YES_DELETE_ALL' };
      await expectJson(
        send('DELETE', '/admin/all-data', 'confirm=YES_DELETE_ALL', {
          'content-type': 'application/x-www-form-urlencoded',
        }),
        400,
        {
          error: '请求体必须为 application/json',
        },
      );
      await expectJson(send('DELETE', '/admin/all-data', confirm, {}), 400, {
        error: '请求体必须为 application/json',
      });
      const malformed = JSON.parse((await send('DELETE', '/admin/all-data', '{"confirm"')).body);
      assert.equal(malformed.error, '服务器错误');
      assert.ok(malformed.message.length > 0);
      await expectJson(send('POST', '/admin/response-rules', 'x'.repeat(10 * 1024 * 1024 + 1)), 413, {
        error: '服务器错误',
        message: 'request entity too large',
      });
      assert.deepEqual(inspect.asked, []);
      assert.equal(
        (
          await send('DELETE', '/admin/all-data', confirm, {
            'content-type': 'application/json; charset=utf-8',
          })
        ).status,
        200,
      );
    });

    it('keeps foreign sites out', async () => {
      const foreign = { error: '请求来源不被允许' };
      await expectJson(
        call(listener, 'GET', '/admin/hosts', { headers: { host: 'evil.example' } }),
        403,
        foreign,
      );
      await expectJson(
        call(listener, 'POST', '/admin/all-data/clear', { headers: { origin: 'https://evil.example' } }),
        403,
        foreign,
      );
      const read = await call(listener, 'GET', '/admin/hosts', {
        headers: { origin: 'https://evil.example' },
      });
      assert.equal(read.headers['access-control-allow-origin'], undefined);
    });

    it('keeps what a bug said to itself', async () => {
      inspect.broken = true;
      await expectJson(send('GET', '/admin/requests/req_1'), 500, { error: '服务器错误' });
    });

    it('does not say why the store cannot be used', async () => {
      inspect.broken = new GatewayError(
        'unavailable',
        'inspect.store-stopped',
        'ended: /data/inspect.sqlite',
      );
      await expectJson(send('GET', '/admin/requests/req_1'), 503, { error: '服务器错误' });
      await expectJson(send('DELETE', '/admin/hosts/a.test/responses'), 500, refusal('删除失败'));
    });

    it('asks for the token when there is one', async () => {
      const guarded = await listen(
        createQuantumultDialect({ inspect, clock: new FakeClock(), secret: 'token' }),
      );
      try {
        for (const path of ['/admin/hosts', '/admin/nothing']) {
          const refused = await call(guarded, 'GET', path);
          assert.deepEqual([refused.status, refused.body], [401, '{"error":"未授权"}']);
          assert.equal(refused.headers['www-authenticate'], 'Bearer');
        }
        assert.equal(
          (await call(guarded, 'GET', '/admin/hosts', { headers: { authorization: 'Bearer token' } })).status,
          200,
        );
      } finally {
        await stop(guarded);
      }
    });
  });

  describe('hosts, statistics and status', () => {
    it('lists hosts', () =>
      expectJson(send('GET', '/admin/hosts'), 200, ['b.example', 'A.example', 'c.test']));

    it('pages hosts by name', () =>
      expectJson(send('GET', '/admin/hosts-paginated?limit=1&page=2&keyword=EXAMPLE'), 200, {
        data: ['b.example'],
        pagination: { total: 2, page: 2, limit: 1, totalPages: 2 },
      }));

    it('counts active hosts over the effective hours', async () => {
      const hosts = [{ hostname: 'api.example.com', count: 42, lastActive: NOW }];
      for (const [query, hours] of [
        ['', 24],
        ['?hours=abc', 24],
        ['?hours=0', 24],
        ['?hours=-3', 24],
        ['?hours=6x', 6],
        ['?hours=99999', 8760],
      ] as const) {
        await expectJson(send('GET', `/admin/hosts/active${query}`), 200, {
          timeRange: `${hours} 小时`,
          hosts,
        });
      }
      assert.deepEqual(inspect.asked.at(-1), 'active 8760');
    });

    it('shows statistics in the documented order', async () => {
      const { body } = await send('GET', '/admin/stats');
      assert.equal(
        body,
        '{"totalRequests":100,"totalResponses":95,"totalModifiedResponses":10,"hosts":[{"hostname":"api.example.com","requestCount":60,' +
          `"responseCount":58,"modifiedCount":5,"methods":{"GET":40,"POST":20}}],"lastUpdated":"${NOW}"}`,
      );
    });

    it('shows the storage status', () =>
      expectJson(send('GET', '/admin/status'), 200, {
        db_directory: '/data',
        files: {
          requests: { path: '/data/x.db', exists: true, size: 10, count: 1 },
          responses: { path: '/data/x.db', exists: true, size: 20, count: 2 },
          modified_responses: { path: '/data/x.db', exists: true, size: 30, count: 3 },
        },
        database: { engine: 'sqlite', size: 4096 },
      }));

    it('deletes everything on the exact confirmation', async () => {
      for (const body of [undefined, {}, [], { confirm: 'yes_delete_all' }, { confirm: true }]) {
        await expectJson(
          send('DELETE', '/admin/all-data', body),
          400,
          refusal('请提供确认标志以删除所有数据'),
        );
      }
      assert.deepEqual(inspect.asked, []);
      const cleared = { success: true, message: '所有数据已清空' };
      await expectJson(send('DELETE', '/admin/all-data', { confirm: 'YES_DELETE_ALL' }), 200, cleared);
      await expectJson(send('POST', '/admin/all-data/clear', { confirm: 'YES_DELETE_ALL' }), 200, cleared);
      assert.deepEqual(inspect.asked, ['delete all', 'delete all']);
    });
  });

  describe('requests', () => {
    const REQUEST = {
      id: 'req_1',
      url: 'https://api.example.com/api?x=1',
      method: 'GET',
      headers: { 'content-type': 'text/plain', 'x-two': 'a, b' },
      body: 'hello',
      capture_type: 'mitm_request',
      server_timestamp: NOW,
      server_request_id: 'req_1',
      exchange_id: 'ex_req_1',
      host: 'api.example.com',
      port: 443,
      scheme: 'https',
      http_version: '1.1',
      raw_headers: [
        ['Content-Type', 'text/plain'],
        ['X-Two', 'a'],
        ['x-two', 'b'],
      ],
      trailers: {},
      body_size: 5,
      body_encoding: 'utf8',
      body_truncated: false,
      client_ip: '127.0.0.1',
      route: ['DIRECT'],
      timing: { started: NOW, ended: '2023-09-01T12:34:56.889Z' },
    };

    it('streams all of them', async () => {
      await expectJson(send('GET', '/admin/requests'), 200, [
        REQUEST,
        { ...REQUEST, id: 'req_2', server_request_id: 'req_2', exchange_id: 'ex_req_2' },
      ]);
      inspect.stored.requests = [];
      await expectJson(send('GET', '/admin/requests'), 200, []);
    });

    it('pages them', async () => {
      await expectJson(send('GET', '/admin/requests-paginated?limit=1'), 200, {
        data: [REQUEST],
        pagination: { total: 2, page: 1, limit: 1, totalPages: 2 },
      });
      inspect.stored.requests = [];
      await expectJson(send('GET', '/admin/requests-paginated?page=-1&limit=-5'), 200, {
        data: [],
        pagination: { total: 0, page: 1, limit: 20, totalPages: 0 },
      });
      assert.equal(
        JSON.parse((await send('GET', '/admin/requests-paginated?keyword=slow')).body).partial,
        true,
      );
    });

    it('reads paging and search tolerantly', async () => {
      for (const [query, parsed] of [
        ['', { page: 1, limit: 20, isRegex: false }],
        ['?page=3x&limit=5000&isRegex=TRUE&keyword=&host=', { page: 3, limit: 1000, isRegex: false }],
        [
          '?page=2&page=9&limit=0&isRegex=true&keyword=a%20b',
          { page: 2, limit: 20, isRegex: true, keyword: 'a b' },
        ],
        ['?host=API.Example.COM', { page: 1, limit: 20, isRegex: false, host: 'api.example.com' }],
        [
          `?host=${encodeURIComponent('bücher.example')}`,
          { page: 1, limit: 20, isRegex: false, host: 'xn--bcher-kva.example' },
        ],
        ['?host=%5B::1%5D', { page: 1, limit: 20, isRegex: false, host: '::1' }],
        ['?host=::1', { page: 1, limit: 20, isRegex: false, host: '::1' }],
        ['?host=a/b', { page: 1, limit: 20, isRegex: false, host: 'a/b' }],
        [`?keyword=${'k'.repeat(1001)}`, { page: 1, limit: 20, isRegex: false, keyword: 'k'.repeat(1000) }],
      ] as const) {
        await send('GET', `/admin/requests-paginated${query}`);
        const asked = JSON.parse(inspect.asked.at(-1)?.replace('requests ', '') ?? '');
        assert.deepEqual(asked, parsed);
      }
    });

    it('shows one', async () => {
      await expectJson(send('GET', '/admin/requests/req_1'), 200, REQUEST);
      await expectJson(send('GET', '/admin/requests/none'), 404, { error: 'Request not found' });
    });

    it('deletes one', async () => {
      await expectJson(send('DELETE', '/admin/requests/req_1'), 200, {
        success: true,
        message: '已删除 1 条请求记录及相关响应',
      });
      await expectJson(send('DELETE', '/admin/requests/req_1'), 404, refusal('找不到指定请求或删除失败'));
    });

    it('deletes several', async () => {
      await expectJson(send('DELETE', '/admin/requests/batch', { ids: ['req_1', 'none'] }), 200, {
        success: true,
        message: '成功删除 1 条请求记录',
        details: [
          { id: 'req_1', success: true, deletedCount: 1 },
          { id: 'none', success: false, deletedCount: 0 },
        ],
      });
      await expectJson(send('DELETE', '/admin/requests/batch', {}), 400, refusal('请提供要删除的请求ID数组'));
    });

    it('deletes those of a host', async () => {
      await expectJson(send('DELETE', '/admin/hosts/API.example.com/requests'), 200, {
        success: true,
        message: '已删除 API.example.com 的 2 条请求记录及相关响应',
        affectedIds: ['req_1', 'req_2'],
      });
      await expectJson(send('DELETE', '/admin/hosts/none.example/requests'), 200, {
        success: true,
        message: '已删除 none.example 的 0 条请求记录及相关响应',
        affectedIds: [],
      });
    });
  });

  describe('responses', () => {
    const RESPONSE = {
      id: 'res_1',
      request_id: 'req_1',
      url: 'https://api.example.com/api?x=1',
      method: 'GET',
      status: 200,
      headers: { 'set-cookie': 'a=1\nb=2' },
      body: 'ok',
      body_size: 2,
      timestamp: NOW,
      requestTime: NOW,
      responseTime: '2023-09-01T12:34:56.839Z',
      capture_type: 'mitm_response',
      server_timestamp: NOW,
      server_request_id: 'req_1',
      exchange_id: 'ex_req_1',
      host: 'api.example.com',
      http_version: '1.1',
      statusText: 'OK',
      raw_headers: [
        ['Set-Cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ],
      trailers: {},
      body_encoding: 'utf8',
      body_truncated: true,
      timing: { started: NOW, response_start: '2023-09-01T12:34:56.839Z', ended: '2023-09-01T12:34:56.889Z' },
      error: null,
    };

    it('streams, pages and shows them', async () => {
      const second = {
        ...RESPONSE,
        id: 'res_2',
        request_id: 'req_2',
        server_request_id: 'req_2',
        exchange_id: 'ex_req_2',
      };
      await expectJson(send('GET', '/admin/responses'), 200, [RESPONSE, second]);
      await expectJson(send('GET', '/admin/responses-paginated'), 200, {
        data: [RESPONSE, second],
        pagination: { total: 2, page: 1, limit: 20, totalPages: 1 },
      });
      await expectJson(send('GET', '/admin/responses/res_1'), 200, RESPONSE);
      await expectJson(send('GET', '/admin/responses/req_1'), 200, RESPONSE);
      await expectJson(send('GET', '/admin/responses/none'), 404, { error: 'Response not found' });
    });

    it('streams more than fits into one chunk', async () => {
      inspect.stored.responses = Array.from({ length: 500 }, (_, index) =>
        response(`res_${index}`, `req_${index}`),
      );
      const all = JSON.parse((await send('GET', '/admin/responses')).body);
      assert.deepEqual([all.length, all[499].id], [500, 'res_499']);
    });

    it('shows the modified response of a request', async () => {
      const { body } = await send('GET', '/admin/modified-responses/req_1');
      assert.deepEqual(JSON.parse(body), {
        id: 'modres_1',
        request_id: 'req_1',
        url: RESPONSE.url,
        original_url: RESPONSE.url,
        method: 'GET',
        status: 200,
        headers: RESPONSE.headers,
        body: '{"modified":true}',
        body_encoding: 'utf8',
        server_timestamp: NOW,
        server_request_id: 'req_1',
        modified: true,
        matchedRule: 'rule_1631234567890_123',
        ruleName: '修改特定API返回值',
        matchedRulesCount: 1,
        exchange_id: 'ex_req_1',
      });
      await expectJson(send('GET', '/admin/modified-responses/none'), 404, {
        error: 'Modified response not found',
      });
    });

    it('deletes one', async () => {
      await expectJson(send('DELETE', '/admin/responses/res_1'), 200, {
        success: true,
        message: '已删除 1 条响应记录',
      });
      await expectJson(send('DELETE', '/admin/responses/res_1'), 404, refusal('找不到指定响应或删除失败'));
    });

    it('deletes several, in order and with repeats', async () => {
      const details = [
        { id: 'res_1', success: true, deletedCount: 1 },
        { id: 'res_1', success: false, deletedCount: 0 },
        { id: '7', success: false, deletedCount: 0 },
        { id: 'res_2', success: true, deletedCount: 1 },
      ];
      await expectJson(
        send('DELETE', '/admin/responses/batch', { ids: ['res_1', 'res_1', 7, 'res_2'] }),
        200,
        {
          success: true,
          message: '成功删除 2 条响应记录',
          details,
        },
      );
      await expectJson(send('POST', '/admin/responses/batch-delete', { ids: ['x'] }), 200, {
        success: true,
        message: '成功删除 0 条响应记录',
        details: [{ id: 'x', success: false, deletedCount: 0 }],
      });
    });

    it('wants a list of ids', async () => {
      for (const body of [undefined, {}, { ids: [] }, { ids: 'res_1' }, { ids: Array(10_001).fill('x') }]) {
        await expectJson(
          send('DELETE', '/admin/responses/batch', body),
          400,
          refusal('请提供要删除的响应ID数组'),
        );
      }
    });

    it('deletes those of a host, bracketed IPv6 included', async () => {
      await expectJson(send('DELETE', '/admin/hosts/api.example.com/responses'), 200, {
        success: true,
        message: '已删除 api.example.com 的 2 条响应记录',
        affectedIds: ['res_1', 'res_2'],
      });
      await send('DELETE', '/admin/hosts/%5B2001:db8::1%5D/responses');
      assert.equal(inspect.asked.at(-1), 'delete-host-responses 2001:db8::1');
    });

    it('words a deletion that the store could not do', async () => {
      inspect.broken = true;
      await expectJson(send('DELETE', '/admin/hosts/api.example.com/responses'), 500, refusal('删除失败'));
      await expectJson(
        send('DELETE', '/admin/responses/batch', { ids: ['res_1'] }),
        500,
        refusal('删除失败'),
      );
    });
  });

  describe('response rules', () => {
    const input = { name: 'n', host: '*', pathRegex: '^/', method: 'GET' };
    const RULE = {
      id: 'rule_1631234567890_1',
      ...input,
      enabled: true,
      responseBody: null,
      responseStatus: 200,
      responseHeaders: {},
      createdAt: NOW,
      updatedAt: NOW,
    };

    it('creates, lists and shows them', async () => {
      await expectJson(send('GET', '/admin/response-rules'), 200, []);
      await expectJson(
        send('POST', '/admin/response-rules', { ...input, createdAt: 'x', other: 1 }),
        201,
        RULE,
      );
      assert.deepEqual(inspect.asked, [`create ${JSON.stringify(input)}`]);
      await expectJson(send('GET', '/admin/response-rules'), 200, [RULE]);
      await expectJson(send('GET', `/admin/response-rules/${RULE.id}`), 200, RULE);
      await expectJson(send('GET', '/admin/response-rules/none'), 404, { error: '找不到指定的响应修改规则' });
    });

    it('words what is wrong with a new rule', async () => {
      await expectJson(send('POST', '/admin/response-rules', {}), 400, { error: '缺少必要的规则字段' });
      await expectJson(send('POST', '/admin/response-rules', { ...input, pathRegex: '[' }), 400, {
        error: '无效的路径正则表达式',
      });
      assert.equal((await send('POST', '/admin/response-rules', { ...input, id: 'mine' })).status, 201);
      await expectJson(send('POST', '/admin/response-rules', { ...input, id: 'mine' }), 400, {
        error: '规则ID无效或已存在',
      });
    });

    it('changes a rule, never its id', async () => {
      await send('POST', '/admin/response-rules', input);
      const changed = { ...RULE, name: 'm', updatedAt: '2023-09-01T12:34:56.790Z' };
      await expectJson(
        send('PUT', `/admin/response-rules/${RULE.id}`, { id: 'other', createdAt: 'x', name: 'm' }),
        200,
        changed,
      );
      await expectJson(send('PUT', `/admin/response-rules/${RULE.id}`, { pathRegex: '[' }), 400, {
        error: '无效的路径正则表达式',
      });
      await expectJson(send('PUT', `/admin/response-rules/${RULE.id}`, { responseStatus: 101 }), 400, {
        error: 'responseStatus must be 100-599, not 101',
      });
      await expectJson(send('PUT', '/admin/response-rules/none', {}), 404, { error: '找不到指定规则' });
    });

    it('removes a rule', async () => {
      await send('POST', '/admin/response-rules', input);
      await expectJson(send('DELETE', `/admin/response-rules/${RULE.id}`), 200, {
        success: true,
        message: '已删除响应修改规则',
        deletedCount: 1,
      });
      await expectJson(send('DELETE', `/admin/response-rules/${RULE.id}`), 404, { error: '找不到指定规则' });
    });

    it('switches a rule on and off', async () => {
      await send('POST', '/admin/response-rules', input);
      const path = `/admin/response-rules/${RULE.id}/status`;
      for (const [given, enabled] of [
        [false, false],
        [1, true],
        ['false', false],
        ['true', true],
        [0, false],
        [true, true],
      ] as const) {
        const { status, body } = await send('PATCH', path, { enabled: given });
        const { success, message, rule } = JSON.parse(body);
        assert.deepEqual(
          [status, success, message, rule.enabled],
          [200, true, enabled ? '规则已启用' : '规则已禁用', enabled],
        );
      }
      for (const body of [undefined, {}, { enabled: null }])
        await expectJson(send('PATCH', path, body), 400, { error: '缺少 enabled 参数' });
      for (const enabled of ['yes', 2, []])
        await expectJson(send('PATCH', path, { enabled }), 400, { error: '请提供有效的启用状态（布尔值）' });
      await expectJson(send('PATCH', '/admin/response-rules/none/status', { enabled: true }), 404, {
        error: '找不到指定规则',
      });
    });
  });

  it('says of known features that are not there that they are not there', async () => {
    for (const [method, path] of [
      ['GET', '/admin/intercept-status'],
      ['POST', '/admin/intercept-rules'],
      ['PATCH', '/admin/intercept-rules/x/enable'],
      ['GET', '/admin/intercepted-requests-paginated'],
      ['POST', '/admin/intercepted-requests/batch-release'],
      ['DELETE', '/admin/intercepted-requests/'],
      ['POST', '/admin/volcengine/chat'],
      ['POST', '/api/capture/request'],
      ['POST', '/api/capture/response/modify'],
    ] as const) {
      await expectJson(send(method, path, {}), 501, { error: '此功能尚未提供' });
    }
  });
});
