import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { FakeClock } from '@sluice/base/clock';
import { NO_TRAITS, type OutboundRequest } from '../outbound.ts';
import { type AnswerDns, DnsOutbound } from './dns-outbound.ts';

const request: OutboundRequest = {
  target: { host: '192.0.2.1', port: 53 },
  source: { host: '127.0.0.1', port: 5000 },
  signal: new AbortController().signal,
};
const echo: AnswerDns = (message, client) =>
  Promise.resolve(Buffer.from(`${Buffer.from(message)}@${client}`));
const frame = (text: string) =>
  Buffer.concat([Buffer.of(text.length >> 8, text.length & 255), Buffer.from(text)]);
const settle = () => new Promise((resolve) => setImmediate(resolve));

async function open(answer: AnswerDns, clock = new FakeClock()) {
  const { stream } = await new DnsOutbound('dns', NO_TRAITS, answer, clock).dialTcp(request);
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { stream, clock, received: () => Buffer.concat(chunks).toString('latin1') };
}

describe('dns outbound', () => {
  it('answers messages of a stream in order, however they are cut', async () => {
    const { stream, received } = await open(echo);
    const sent = Buffer.concat([frame('one'), frame('two'), frame('')]);
    for (const byte of sent) {
      stream.write(Buffer.of(byte));
      await settle();
    }
    stream.end();
    await once(stream, 'end');
    const reply = (text: string) => frame(`${text}@127.0.0.1:5000`).toString('latin1');
    assert.equal(received(), reply('one') + reply('two') + reply(''));
  });

  it('ends a stream that is silent for ten seconds, and one whose answer takes five', async () => {
    const silent = await open(echo);
    silent.clock.advance(9_999);
    await settle();
    assert.equal(silent.stream.destroyed, false);
    silent.clock.advance(1);
    await once(silent.stream, 'close');

    const slow = await open(() => new Promise(() => undefined));
    slow.stream.write(frame('x'));
    await settle();
    slow.clock.advance(5_000);
    await once(slow.stream, 'close');
    assert.equal(slow.received(), '');
  });

  it('answers datagrams from where they were sent to, and cuts long replies at the question', async () => {
    const question = Buffer.from('0001810000010005000000000161047465737400ffff0001', 'hex');
    const long: AnswerDns = (message) => Promise.resolve(Buffer.concat([message, Buffer.alloc(4_000, 7)]));
    const packets: { readonly hex: string; readonly from: unknown }[] = [];
    let closed = 0;
    const clock = new FakeClock();
    const socket = await new DnsOutbound('dns', NO_TRAITS, long, clock).openUdp(request, {
      onPacket: (data, from) => packets.push({ hex: Buffer.from(data).toString('hex'), from }),
      onClose: () => {
        closed += 1;
      },
    });
    socket.send(question, request.target);
    await settle();
    assert.deepEqual(packets, [
      { hex: '0001830000010000000000000161047465737400ffff0001', from: request.target },
    ]);
    clock.advance(10_000);
    socket.send(question, request.target);
    await settle();
    assert.equal(packets.length, 1);
    assert.equal(closed, 1);
  });
});
