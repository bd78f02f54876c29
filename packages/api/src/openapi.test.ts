import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { clashOperations } from './clash/clash-dialect.ts';
import { clashFixture } from './clash/test-support.ts';
import { buildOpenApi } from './openapi.ts';
import { quantumultOperations } from './quantumult/quantumult-dialect.ts';
import { FakeInspect } from './quantumult/test-support.ts';
import { silentLogger } from './test-support/http-client.ts';
import { FakeMedia } from './zlm/test-support.ts';
import { zlmOperations } from './zlm/zlm-dialect.ts';

type Operation = {
  tags: string[];
  operationId: string;
  parameters: { name: string; in: string; required: boolean }[];
  requestBody?: object;
  responses: Record<string, object>;
};

describe('the OpenAPI document', () => {
  const clock = new FakeClock();
  const build = { branchName: '', buildTime: '', commitHash: '' };
  const groups = [
    clashOperations(clashFixture()),
    quantumultOperations({ inspect: new FakeInspect(), clock, secret: '' }),
    zlmOperations({ media: new FakeMedia(), build, serverToken: '', clock, log: silentLogger }),
  ];
  const document = buildOpenApi({ title: 'Test', version: '1', description: '' }, groups) as {
    openapi: string;
    tags: { name: string }[];
    paths: Record<string, Record<string, Operation>>;
  };

  it('holds every operation of every table once', () => {
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    assert.equal(operations.length, groups.flatMap((group) => group.operations).length);
    assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length);
    assert.deepEqual(
      document.tags.map(({ name }) => name),
      ['clash', 'quantumult', 'zlm'],
    );
    assert.ok(operations.every(({ responses }) => Object.keys(responses).length > 0));
  });

  it('describes parameters of path, query and body', () => {
    const delay = document.paths['/proxies/{name}/delay']?.get;
    assert.deepEqual(
      delay?.parameters.map(({ name, in: place, required }) => [name, place, required]),
      [
        ['name', 'path', true],
        ['url', 'query', false],
        ['timeout', 'query', true],
        ['expected', 'query', false],
      ],
    );
    assert.ok(document.paths['/admin/response-rules']?.post?.requestBody);
    assert.equal(document.paths['/index/api/getMediaList']?.get?.parameters[0]?.name, 'secret');
  });
});
