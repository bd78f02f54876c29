import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { encodeQuery } from '@sluice/codec/dns/encode';
import { type DnsQuery, parseDnsQuery } from '@sluice/codec/dns/message';
import { answerAddresses } from '@sluice/codec/dns/records';
import { addressAnswer, rcodeAnswer } from '../upstream/testing/fake-servers.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { askAll } from './ask-all.ts';

const QUERY = parseDnsQuery(encodeQuery('a.b', 1, { id: 1, recursionDesired: true }));
const FOREVER = new AbortController().signal;

/** An upstream whose answers the test gives. */
class Puppet implements Upstream {
  readonly text: string;
  readonly isFixed: boolean;
  readonly #answer = Promise.withResolvers<Uint8Array>();
  signal: AbortSignal | undefined;

  constructor(text: string, isFixed = false) {
    this.text = text;
    this.isFixed = isFixed;
  }

  exchange(_query: DnsQuery, signal: AbortSignal): Promise<Uint8Array> {
    this.signal = signal;
    return this.#answer.promise;
  }

  say(bytes: Uint8Array): void {
    this.#answer.resolve(bytes);
  }

  fail(message: string): void {
    this.#answer.reject(new Error(message));
  }

  close(): void {
    this.fail('closed');
  }
}

async function settle(): Promise<void> {
  await new Promise(setImmediate);
}

function race(count: number, signal = FOREVER) {
  const clock = new FakeClock();
  const servers = Array.from({ length: count }, (_, index) => new Puppet(`s${index}`));
  const answer = askAll(servers, QUERY, clock, signal).then(({ server, message }) => ({
    server,
    ips: answerAddresses(message).map(({ ip }) => ip),
    rcode: message.flags & 15,
  }));
  return { clock, servers, answer };
}

describe('asking all servers', () => {
  it('takes the first good answer and gives the others up', async () => {
    const { servers, answer } = race(3);
    servers[0]?.fail('refused');
    servers[2]?.say(addressAnswer(QUERY, ['1.1.1.1']));
    assert.deepEqual(await answer, { server: 's2', ips: ['1.1.1.1'], rcode: 0 });
    assert.equal(servers[1]?.signal?.aborted, true);
  });

  it('keeps an empty answer back for one with addresses', async () => {
    const { servers, answer } = race(2);
    servers[0]?.say(addressAnswer(QUERY, []));
    await settle();
    servers[1]?.say(addressAnswer(QUERY, ['2.2.2.2']));
    assert.equal((await answer).server, 's1');
  });

  it('settles for the empty answer when all others fail, or say nothing for a second', async () => {
    const failing = race(2);
    failing.servers[0]?.say(rcodeAnswer(QUERY, 3));
    failing.servers[1]?.fail('refused');
    assert.deepEqual(await failing.answer, { server: 's0', ips: [], rcode: 3 });
    const silent = race(2);
    silent.servers[0]?.say(rcodeAnswer(QUERY, 3));
    await settle();
    silent.clock.advance(1_000);
    assert.equal((await silent.answer).rcode, 3);
  });

  it('names the first error when all fail', async () => {
    const { servers, answer } = race(3);
    servers[1]?.say(rcodeAnswer(QUERY, 2));
    await settle();
    servers[0]?.fail('later');
    servers[2]?.say(Buffer.from('rubbish'));
    await assert.rejects(answer, {
      code: 'dns.failed',
      message: 'all DNS requests failed, first error: server failure: SERVFAIL',
    });
    await assert.rejects(askAll([], QUERY, new FakeClock(), FOREVER), { code: 'dns.failed' });
  });

  it('lets a fixed server answer for all', async () => {
    const other = new Puppet('other');
    const fixed = new Puppet('rcode://refused', true);
    fixed.say(rcodeAnswer(QUERY, 5));
    assert.equal((await askAll([other, fixed], QUERY, new FakeClock(), FOREVER)).server, 'rcode://refused');
    assert.equal(other.signal, undefined);
  });

  it('ends with the signal, with what it has', async () => {
    const stop = new AbortController();
    const { servers, answer } = race(2, stop.signal);
    const kept = race(2, stop.signal);
    kept.servers[0]?.say(addressAnswer(QUERY, []));
    await settle();
    stop.abort(new Error('enough'));
    await assert.rejects(answer, { message: 'enough' });
    assert.equal(servers[0]?.signal?.aborted, true);
    assert.equal((await kept.answer).server, 's0');
  });
});
