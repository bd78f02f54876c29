import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import zlib from 'node:zlib';
import { ExchangeStore } from '../store/exchange-store.ts';
import { type SampleExchange, sampleExchange, storeContext } from '../store/store-fixture.ts';
import { plainRun } from './record-search.ts';

const SAMPLES: Readonly<Record<string, SampleExchange>> = {
  plain: {
    url: 'http://a.test/Users/17',
    method: 'PATCH',
    requestHeaders: [
      ['Host', 'a.test'],
      ['X-Trace', 'Alpha'],
      ['x-many', 'one'],
      ['X-Many', 'two'],
    ],
    requestBody: 'name=Ёлка',
    responseHeaders: [
      ['Content-Type', 'application/json'],
      ['X-File', Buffer.from('报告.txt').toString('latin1')],
    ],
    responseBody: '{"word":"needle"}',
  },
  gzip: {
    url: 'http://b.test/zip',
    responseHeaders: [
      ['Content-Type', 'text/plain'],
      ['Content-Encoding', 'gzip'],
    ],
    responseBody: zlib.gzipSync('hidden treasure'),
    status: 404,
  },
  binary: {
    url: 'http://b.test/image',
    responseHeaders: [['Content-Type', 'image/png']],
    responseBody: 'needle in an image',
  },
  latin: {
    url: 'http://c.test/latin',
    responseHeaders: [['Content-Type', 'text/plain; charset=iso-8859-1']],
    responseBody: Buffer.from('café', 'latin1'),
  },
  unanswered: {
    url: 'http://c.test/lost',
    response: undefined,
    error: 'refused',
    requestHeaders: [['x-tab', 'a\tb']],
  },
};

describe('searching requests and responses', () => {
  const fixture = storeContext();
  let store: ExchangeStore;

  before(async () => {
    store = await ExchangeStore.open(fixture.context);
    for (const sample of Object.values(SAMPLES)) store.record(sampleExchange(sample));
    await store.flush();
  });

  after(async () => {
    await store.close();
    fixture.remove();
  });

  async function find(
    operation: 'requests' | 'responses',
    keyword: string,
    isRegex = false,
    host?: string,
  ): Promise<string[]> {
    const query = { page: 1, limit: 20, keyword, isRegex, ...(host === undefined ? undefined : { host }) };
    const { rows, total, partial } = await store.query(operation, query);
    assert.equal(partial, false);
    assert.equal(total, rows.length);
    const urls = rows.map(({ url }) => url);
    return Object.entries(SAMPLES)
      .filter(([, { url }]) => urls.includes(url ?? ''))
      .map(([name]) => name);
  }

  const cases: readonly [string, 'requests' | 'responses', string, boolean, readonly string[]][] = [
    ['URL', 'requests', '/Users/17', false, ['plain']],
    ['case counts for a keyword', 'requests', '/users/17', false, []],
    ['case does not count for a pattern', 'requests', '/USERS/\\d+$', true, ['plain']],
    ['method', 'requests', 'PATC', false, ['plain']],
    ['no method in responses', 'responses', 'PATC', false, []],
    ['status', 'responses', '404', false, ['gzip']],
    ['no status in requests', 'requests', '404', false, []],
    ['header as compact JSON with lower-case name', 'requests', '"x-trace":"Alpha"', false, ['plain']],
    ['no header name in wire case', 'requests', 'X-Trace', false, []],
    ['joined repeated header', 'requests', '"x-many":"one, two"', false, ['plain']],
    ['across members', 'requests', '"a.test","x-trace"', false, ['plain']],
    ['JSON escape', 'requests', 'a\\tb', false, ['unanswered']],
    ['header in UTF-8', 'responses', '报告', false, ['plain']],
    ['request body', 'requests', 'Ёлка', false, ['plain']],
    ['response body', 'responses', 'needle', false, ['plain']],
    ['no response body in requests', 'requests', 'needle', false, []],
    ['decoded body', 'responses', 'treasure', false, ['gzip']],
    ['decoded body by pattern', 'responses', 'HIDDEN\\s+t', true, ['gzip']],
    ['body in another charset', 'responses', 'café', false, ['latin']],
    ['binary body is not searched', 'responses', 'in an image', false, []],
    ['missing response never matches', 'responses', 'undefined', false, []],
    ['invalid pattern is a keyword', 'responses', '{"word"', true, ['plain']],
    ['invalid pattern that nothing holds', 'responses', '(', true, []],
    ['look-around', 'responses', 'hidden(?= treasure)', true, ['gzip']],
  ];
  for (const [name, operation, keyword, isRegex, expected] of cases) {
    it(name, async () => assert.deepEqual(await find(operation, keyword, isRegex), expected));
  }

  it('takes host and keyword together', async () => {
    assert.deepEqual(await find('requests', 'http', false, 'b.test'), ['gzip', 'binary']);
    assert.deepEqual(await find('requests', 'Users', false, 'b.test'), []);
  });

  it('pages through matches with the total of all', async () => {
    const result = await store.query('requests', { page: 2, limit: 2, keyword: 'http', isRegex: false });
    assert.deepEqual(
      [result.total, result.rows.map(({ url }) => url)],
      [5, ['http://b.test/image', 'http://b.test/zip']],
    );
  });

  it('finishes a pattern that backtracks without end', async () => {
    store.record(sampleExchange({ url: 'http://z.test/', responseBody: `${'a'.repeat(40)}!` }));
    await store.flush();
    assert.deepEqual(await find('responses', '^(a+)+$', true), []);
    const guarded = await store.query('responses', {
      page: 1,
      limit: 9,
      keyword: '^(?=a)(a+)+$',
      isRegex: true,
    });
    assert.equal(guarded.partial, true);
  });
});

describe('plainRun', () => {
  it('keeps only what JSON leaves as it is', () => {
    assert.equal(plainRun('"content-type":"application/json"'), 'application/json');
    assert.equal(plainRun('one, two'), 'one');
    assert.equal(plainRun('a\\tb'), '');
    assert.equal(plainRun('":"'), '');
  });
});
