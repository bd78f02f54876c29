import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BodyInvalidError, decodeFirstJson } from './body.ts';
import { encodeJson, formatTime } from './wire.ts';

describe('clash JSON', () => {
  it('escapes what browsers could take for markup', () => {
    assert.equal(encodeJson({ a: '<b>&\u2028\u2029' }), '{"a":"\\u003cb\\u003e\\u0026\\u2028\\u2029"}\n');
  });

  it('sorts maps by the bytes of their keys and keeps the order of records', () => {
    const map = new Map<string, unknown>([
      ['é', 1],
      ['10', 2],
      ['9', 3],
      ['B', 4],
      ['a', 5],
    ]);
    assert.equal(
      encodeJson({ z: map, a: [null, true] }),
      '{"z":{"10":2,"9":3,"B":4,"a":5,"é":1},"a":[null,true]}\n',
    );
  });

  it('sorts by bytes where code units would sort otherwise', () => {
    const map = new Map([
      ['\u{1f600}', 1],
      ['\uff5e', 2],
    ]);
    assert.equal(encodeJson(map), '{"\uff5e":2,"\u{1f600}":1}\n');
  });

  it('writes times in the local zone with a trimmed fraction', () => {
    const zone = process.env.TZ;
    try {
      process.env.TZ = 'Asia/Shanghai';
      assert.equal(formatTime(0), '1970-01-01T08:00:00+08:00');
      assert.equal(formatTime(120), '1970-01-01T08:00:00.12+08:00');
      process.env.TZ = 'America/St_Johns';
      assert.equal(formatTime(Date.UTC(2026, 0, 1)), '2025-12-31T20:30:00-03:30');
      process.env.TZ = 'UTC';
      assert.equal(formatTime(10_000), '1970-01-01T00:00:10Z');
    } finally {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
  });
});

describe('clash request bodies', () => {
  it('reads the first JSON value and ignores what follows', () => {
    for (const [text, value] of [
      ['{}garbage', {}],
      [' \n{"a":"}\\"{"} {"b":1}', { a: '}"{' }],
      ['[1,[2]]x', [1, [2]]],
      ['null,', null],
      ['12 13', 12],
      ['"a" "b"', 'a'],
    ] as const) {
      assert.deepEqual(decodeFirstJson(Buffer.from(text)), value);
    }
  });

  it('refuses bodies without one', () => {
    for (const text of ['', '  ', '{', '{"a":1', '"open', 'nothing', '{]', '}']) {
      assert.throws(() => decodeFirstJson(Buffer.from(text)), BodyInvalidError, text);
    }
    assert.throws(() => decodeFirstJson(undefined), BodyInvalidError);
  });
});
