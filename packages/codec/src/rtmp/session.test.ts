import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ProtocolError } from '@sluice/base/errors';
import fc from 'fast-check';
import { encodeAmf0 } from '../amf/amf0.ts';
import type { AmfValue } from '../amf/value.ts';
import { encodeMetadataTag } from '../flv/metadata.ts';
import type { FlvTag } from '../flv/tag.ts';
import { ChunkDecoder } from './chunk-decoder.ts';
import { encodeRtmpMessage, encodeRtmpMessages } from './chunk-encoder.ts';
import { type RtmpClientEvent, RtmpClientSession } from './client-session.ts';
import { commandValuesOf } from './data-message.ts';
import { HANDSHAKE_BYTES } from './digest.ts';
import { encodeControlValue, encodeUserControl, type RtmpMessage } from './message.ts';
import { type RtmpServerEvent, RtmpServerSession } from './server-session.ts';

/** A peer that writes raw messages, so that tests decide every byte. */
class Peer {
  readonly session = new RtmpServerSession();
  readonly #decoder = new ChunkDecoder();

  constructor() {
    const hello = Buffer.alloc(1 + HANDSHAKE_BYTES, 5);
    hello[0] = 3;
    hello.fill(0, 5, 9);
    assert.deepEqual(this.session.feed(hello), []);
    assert.equal(this.session.takeOutput()?.length, 1 + 2 * HANDSHAKE_BYTES);
    assert.deepEqual(this.session.feed(Buffer.alloc(HANDSHAKE_BYTES)), []);
  }

  send(type: number, data: Uint8Array, streamId = 0): RtmpServerEvent[] {
    return this.session.feed(encodeRtmpMessage({ type, timestampMs: 0, streamId, data }, 128));
  }

  command(...values: readonly AmfValue[]): RtmpServerEvent[] {
    return this.send(20, encodeAmf0(...values));
  }

  connect(app = 'live'): RtmpServerEvent[] {
    return this.command('connect', 1, { app, tcUrl: `rtmp://h/${app}`, flashVer: 'x', objectEncoding: 3 });
  }

  /** The replies so far: commands and data as their values, other messages as type and hex. */
  replies(): unknown[] {
    const output = this.session.takeOutput();
    if (output === undefined) return [];
    this.#decoder.push(output);
    const replies: unknown[] = [];
    for (let message = this.#decoder.next(); message !== undefined; message = this.#decoder.next()) {
      replies.push(plain(message));
    }
    return replies;
  }

  /** The codes of onStatus replies and what else was sent. */
  codes(): unknown[] {
    return this.replies().map((reply) => {
      if (!Array.isArray(reply) || reply[0] !== 'onStatus') return reply;
      const { level, code } = reply[3] as { level: string; code: string };
      return level === 'error' ? `error ${code}` : code;
    });
  }
}

function plain(message: RtmpMessage): unknown {
  if (message.type !== 20 && message.type !== 18)
    return `${message.type}:${Buffer.from(message.data).toString('hex')}`;
  return commandValuesOf(message).map((value) =>
    typeof value === 'object' && value !== null ? { ...value } : value,
  );
}

function publishing(): Peer {
  const peer = new Peer();
  peer.connect();
  peer.command('publish', 5, null, 'cam?k=v', 'live');
  peer.session.acceptPublish();
  assert.deepEqual(peer.session.resume(), []);
  peer.replies();
  return peer;
}

function playing(): Peer {
  const peer = new Peer();
  peer.connect();
  peer.command('play', 0, null, 'cam');
  peer.session.acceptPlay();
  peer.replies();
  return peer;
}

describe('RTMP server session', () => {
  test('connect: windows, chunk size, result, onBWDone', () => {
    const peer = new Peer();
    assert.deepEqual(peer.connect(), [
      {
        type: 'connect',
        app: 'live',
        tcUrl: 'rtmp://h/live',
        flashVer: 'x',
        objectEncoding: 3,
        fourCcList: [],
      },
    ]);
    assert.deepEqual(peer.replies(), [
      '5:004c4b40',
      '6:004c4b4002',
      '1:0000ea60',
      [
        '_result',
        1,
        { fmsVer: 'FMS/3,0,1,123', capabilities: 31 },
        {
          level: 'status',
          code: 'NetConnection.Connect.Success',
          description: 'Connection succeeded.',
          objectEncoding: 3,
        },
      ],
      ['onBWDone', 0, null],
    ]);
  });

  test('connect lists what an enhanced client decodes', () => {
    const peer = new Peer();
    const [event] = peer.command('connect', 1, { app: 'live', fourCcList: ['hvc1', 1, 'av01'] });
    assert.deepEqual(event?.type === 'connect' && event.fourCcList, ['hvc1', 'av01']);
  });

  test('connect without an app is refused', () => {
    const peer = new Peer();
    assert.deepEqual(peer.connect('/?a=b'), [{ type: 'close', reason: 'invalid app' }]);
    const [reply] = peer.replies() as [unknown[]];
    assert.equal(reply[0], '_error');
    assert.equal((reply[3] as { code: string }).code, 'NetConnection.Connect.InvalidApp');
    assert.deepEqual(peer.connect(), []);
  });

  test('commands that want a plain result', () => {
    const peer = new Peer();
    peer.connect();
    peer.replies();
    for (const name of ['releaseStream', 'FCPublish', '_checkbw']) {
      assert.deepEqual(peer.command(name, 2, null, 'cam'), []);
      assert.deepEqual(peer.replies(), [['_result', 2, null, undefined]]);
    }
    peer.command('createStream', 4, null);
    assert.deepEqual(peer.replies(), [['_result', 4, null, 1]]);
    peer.command('getStreamLength', 5, null, 'cam');
    assert.deepEqual(peer.replies(), [['_result', 5, null, 0]]);
    for (const name of ['FCUnpublish', 'whatever']) {
      assert.deepEqual(peer.command(name, 6, null), []);
      assert.deepEqual(peer.replies(), []);
    }
  });

  test('AMF3 commands start with a zero byte', () => {
    const peer = new Peer();
    peer.connect();
    peer.replies();
    peer.send(17, Buffer.concat([Uint8Array.of(0), encodeAmf0('createStream', 4, null)]));
    assert.deepEqual(peer.replies(), [['_result', 4, null, 1]]);
  });

  test('publish waits for its answer and keeps what comes meanwhile', () => {
    const peer = new Peer();
    peer.connect('live/room');
    assert.deepEqual(peer.command('publish', 5, null, 'cam?k=v', 'live'), [
      { type: 'publish', app: 'live', stream: 'room/cam', params: 'k=v' },
    ]);
    assert.deepEqual(peer.send(9, Uint8Array.of(0x17, 0), 1), []);
    assert.deepEqual(peer.session.resume(), []);
    peer.replies();
    peer.session.acceptPublish();
    assert.deepEqual(peer.codes(), ['NetStream.Publish.Start']);
    const [event] = peer.session.resume();
    assert.equal(event?.type, 'media');
    assert.equal(peer.send(8, Uint8Array.of(0xaf, 1), 1)[0]?.type, 'media');
  });

  test('publish and media in one read', () => {
    const peer = new Peer();
    peer.connect();
    const events = peer.session.feed(
      Buffer.concat([
        encodeRtmpMessage(
          { type: 20, timestampMs: 0, streamId: 1, data: encodeAmf0('publish', 5, null, 'cam') },
          128,
        ),
        encodeRtmpMessages([{ type: 9, timestampMs: 7, data: Uint8Array.of(0x17, 0) }], {
          chunkSize: 128,
          streamId: 1,
        }),
      ]),
    );
    assert.deepEqual(
      events.map((event) => event.type),
      ['publish'],
    );
    peer.session.acceptPublish();
    assert.deepEqual(
      peer.session.resume().map((event) => event.type),
      ['media'],
    );
  });

  test('bytes waiting for an answer are bounded', () => {
    const peer = new Peer();
    peer.connect();
    peer.command('publish', 5, null, 'cam');
    const chunk = Buffer.alloc(1024 * 1024);
    assert.throws(() => {
      for (let count = 0; count < 20; count++) peer.session.feed(chunk);
    }, ProtocolError);
  });

  test('a refused publisher gets its code and nothing more is read', () => {
    const peer = new Peer();
    peer.connect();
    peer.command('publish', 5, null, 'cam');
    peer.replies();
    peer.session.rejectPublish('NetStream.Publish.BadAuth', 'no');
    assert.deepEqual(peer.codes(), ['error NetStream.Publish.BadAuth']);
    assert.deepEqual(peer.session.resume(), []);
    assert.deepEqual(peer.connect(), []);
  });

  test('publishing twice is BadName, an empty name closes', () => {
    const peer = publishing();
    assert.deepEqual(peer.command('publish', 6, null, 'other'), []);
    assert.deepEqual(peer.codes(), ['error NetStream.Publish.BadName']);
    const empty = new Peer();
    empty.connect();
    assert.deepEqual(empty.command('publish', 5, null, '?k=v'), [
      { type: 'close', reason: 'empty stream name' },
    ]);
  });

  test('media, metadata and other data of a publisher', () => {
    const peer = publishing();
    const [metadata] = peer.send(18, encodeAmf0('@setDataFrame', 'onMetaData', { width: 320 }), 1);
    assert.ok(metadata?.type === 'metadata');
    assert.deepEqual({ ...metadata.properties }, { width: 320 });
    assert.deepEqual(Buffer.from(metadata.tag.data), encodeAmf0('onMetaData', { width: 320 }));
    const [data] = peer.send(15, Buffer.concat([Uint8Array.of(0), encodeAmf0('onCuePoint', 1)]), 1);
    assert.ok(data?.type === 'data');
    assert.deepEqual([data.name, data.values], ['onCuePoint', [1]]);
    assert.deepEqual(peer.send(9, new Uint8Array(0), 1), []);
    assert.deepEqual(peer.send(18, new Uint8Array(0), 1), []);
  });

  test('aggregate messages give their tags with times from the message', () => {
    const peer = publishing();
    const tag = (type: number, ms: number, body: string) =>
      `0${type} 00000${body.length / 2} ${ms.toString(16).padStart(6, '0')} 00 000000 ${body} 0000000f`;
    const data = Buffer.from(`${tag(8, 100, 'af01')}${tag(9, 120, '2701')}`.replaceAll(' ', ''), 'hex');
    const events = peer.session.feed(
      encodeRtmpMessage({ type: 22, timestampMs: 1000, streamId: 1, data }, 128),
    );
    assert.deepEqual(
      events.map(
        (event) =>
          event.type === 'media' && [event.tag.type, event.tag.timestampMs, event.tag.data.byteLength],
      ),
      [
        [8, 1000, 2],
        [9, 1020, 2],
      ],
    );
  });

  test('deleteStream ends a publisher gracefully and allows another publish', () => {
    const peer = publishing();
    assert.deepEqual(peer.command('deleteStream', 0, null, 1), [{ type: 'unpublish' }]);
    assert.deepEqual(peer.codes(), ['NetStream.Unpublish.Success']);
    assert.deepEqual(peer.send(9, Uint8Array.of(0x17, 0), 1), []);
    assert.equal(peer.command('publish', 6, null, 'again')[0]?.type, 'publish');
  });

  test('play: begin, reset, start, publish notify, sample access', () => {
    const peer = new Peer();
    peer.connect();
    peer.replies();
    assert.deepEqual(peer.command('play', 0, null, 'mp4:0', -2000), [
      { type: 'play', app: 'live', stream: '0.mp4', params: '', start: -2000, duration: -1, reset: true },
    ]);
    assert.deepEqual(peer.replies(), []);
    peer.session.acceptPlay();
    assert.deepEqual(peer.codes(), [
      '4:000000000001',
      'NetStream.Play.Reset',
      'NetStream.Play.Start',
      'NetStream.Play.PublishNotify',
      ['|RtmpSampleAccess', true, true],
    ]);
    peer.session.endPlay();
    assert.deepEqual(peer.codes(), ['4:000100000001', 'NetStream.Play.UnpublishNotify']);
  });

  test('a refused player gets its code', () => {
    const peer = new Peer();
    peer.connect();
    peer.command('play2', 0, null, { streamName: 'cam' });
    peer.replies();
    peer.session.rejectPlay('NetStream.Play.StreamNotFound', 'no such stream');
    assert.deepEqual(peer.codes(), ['error NetStream.Play.StreamNotFound']);
  });

  test('a player pauses, seeks, changes speed, sets its buffer and leaves', () => {
    const peer = playing();
    assert.deepEqual(peer.command('pause', 0, null, true, 1500), [
      { type: 'pause', paused: true, positionMs: 1500 },
    ]);
    assert.deepEqual(peer.command('pause', 0, null, false, 1500), [
      { type: 'pause', paused: false, positionMs: 1500 },
    ]);
    assert.deepEqual(peer.codes(), ['NetStream.Pause.Notify', 'NetStream.Unpause.Notify']);
    assert.deepEqual(peer.command('seek', 0, null, 5000), [{ type: 'seek', positionMs: 5000 }]);
    assert.deepEqual(peer.codes(), ['NetStream.Seek.Notify', '4:000000000001']);
    assert.deepEqual(peer.command('onPlayCtrl', 0, null, { ctrlType: 'speed', speed: 2 }), [
      { type: 'play-speed', speed: 2 },
    ]);
    assert.deepEqual(peer.codes(), ['NetStream.Speed.Notify']);
    assert.deepEqual(peer.send(4, encodeUserControl(3, 1, 3000)), [
      { type: 'set-buffer-length', bufferMs: 3000 },
    ]);
    assert.deepEqual(peer.send(3, encodeControlValue(77)), [{ type: 'acknowledgement', receivedBytes: 77 }]);
    assert.deepEqual(peer.command('closeStream', 0, null), [{ type: 'stop' }]);
    assert.deepEqual(
      peer.command('play', 0, null, 'b').map((event) => event.type),
      ['play'],
    );
    assert.deepEqual(
      peer.command('play', 0, null, 'c').map((event) => event.type),
      ['stop', 'play'],
    );
  });

  test('pings are answered with the same payload', () => {
    const peer = playing();
    assert.deepEqual(peer.send(4, encodeUserControl(6, 0xdeadbeef)), []);
    assert.deepEqual(peer.replies(), ['4:0007deadbeef']);
  });

  test('acknowledges when the announced window is full, not below 32 KiB', () => {
    const peer = publishing();
    peer.send(5, encodeControlValue(1));
    peer.replies();
    let sent = 0;
    while (sent < 40_000) {
      peer.send(9, new Uint8Array(100), 1);
      sent += 112;
    }
    const replies = peer.replies();
    assert.equal(replies.length, 1);
    assert.match(String(replies[0]), /^3:0000[89a]/);
  });

  test('commands before connect and cut bodies are protocol errors', () => {
    assert.throws(() => new Peer().command('createStream', 1, null), { code: 'rtmp-not-connected' });
    assert.throws(() => new Peer().send(20, Uint8Array.of(2, 0)), { code: 'truncated' });
    assert.throws(() => new Peer().command(1), { code: 'rtmp-command-name' });
    assert.throws(() => new Peer().connect('a'.repeat(70_000)), { code: 'rtmp-command-too-large' });
    assert.throws(() => playing().send(4, Uint8Array.of(0)), { code: 'truncated' });
  });

  test('any messages give events or a ProtocolError', () => {
    const name = fc.constantFrom(
      'connect',
      'publish',
      'play',
      'play2',
      'pause',
      'seek',
      'deleteStream',
      'createStream',
    );
    const value = fc.oneof(
      fc.constant(null),
      fc.string(),
      fc.double(),
      fc.constant({ app: 'live', streamName: 'x' }),
      fc.boolean(),
    );
    const command = fc.tuple(name, fc.array(value, { maxLength: 4 })).map(([first, rest]) => ({
      type: 20,
      data: encodeAmf0(first, ...rest) as Uint8Array,
    }));
    const noise = fc.record({
      type: fc.integer({ min: 0, max: 23 }),
      data: fc.uint8Array({ maxLength: 30 }),
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(command, noise), { maxLength: 12 }), fc.boolean(), (messages, accept) => {
        const peer = new Peer();
        try {
          peer.connect();
          for (const { type, data } of messages) {
            for (const event of peer.send(type, data)) {
              if (event.type === 'publish' && accept) peer.session.acceptPublish();
            }
            peer.session.resume();
          }
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
        }
      }),
      { numRuns: 300 },
    );
  });
});

const TAGS: readonly FlvTag[] = [
  encodeMetadataTag({ width: 320 }),
  { type: 9, timestampMs: 0, data: Uint8Array.of(0x17, 0, 0, 0, 0, 1) },
  { type: 9, timestampMs: 40, data: Buffer.alloc(100_000, 3) },
  { type: 8, timestampMs: 45, data: Uint8Array.of(0xaf, 1, 2) },
];

/** Moves bytes both ways until neither end has more to say. */
function converse(
  client: RtmpClientSession,
  server: RtmpServerSession,
): { client: RtmpClientEvent[]; server: RtmpServerEvent[] } {
  const events: { client: RtmpClientEvent[]; server: RtmpServerEvent[] } = { client: [], server: [] };
  for (;;) {
    const up = client.takeOutput();
    if (up !== undefined) events.server.push(...server.feed(up));
    const down = server.takeOutput();
    if (down !== undefined) events.client.push(...client.feed(down));
    if (up === undefined && down === undefined) return events;
  }
}

describe('RTMP client session', () => {
  const options = { app: 'live', stream: 'cam?k=v', tcUrl: 'rtmp://h/live' };

  for (const complexHandshake of [false, true]) {
    test(`publishes, ${complexHandshake ? 'complex' : 'simple'} handshake`, () => {
      const client = new RtmpClientSession({ ...options, mode: 'publish', complexHandshake });
      const server = new RtmpServerSession();
      const opening = converse(client, server);
      assert.deepEqual(
        opening.server.map((event) => event.type),
        ['connect', 'publish'],
      );
      server.acceptPublish();
      assert.deepEqual(converse(client, server).client, [{ type: 'started' }]);
      client.sendMetadata({ width: 320 });
      client.sendTags(TAGS.slice(1));
      const media = converse(client, server).server;
      assert.deepEqual(
        media.map((event) => event.type),
        ['metadata', 'media', 'media', 'media'],
      );
      const sizes = media.map((event) => event.type === 'media' && event.tag.data.byteLength);
      assert.deepEqual(sizes, [false, 6, 100_000, 3]);
      client.endStream();
      assert.deepEqual(converse(client, server).server, [{ type: 'unpublish' }]);
    });
  }

  test('plays until the stream ends', () => {
    const client = new RtmpClientSession({ ...options, mode: 'play' });
    const server = new RtmpServerSession();
    const types = converse(client, server).server.map((event) => event.type);
    assert.deepEqual(types, ['connect', 'set-buffer-length', 'play']);
    server.acceptPlay();
    const start = converse(client, server).client.map((event) =>
      event.type === 'status' ? event.code : event.type,
    );
    assert.deepEqual(start, ['NetStream.Play.Reset', 'started', 'NetStream.Play.PublishNotify', 'data']);
    const shared = encodeRtmpMessages(TAGS);
    const media = [...client.feed(shared.subarray(0, 70_001)), ...client.feed(shared.subarray(70_001))];
    assert.deepEqual(
      media.map((event) =>
        event.type === 'media' ? [event.tag.timestampMs, event.tag.data.byteLength] : event.type,
      ),
      ['metadata', [0, 6], [40, 100_000], [45, 3]],
    );
    server.endPlay();
    assert.deepEqual(
      converse(client, server).client.map((event) => event.type),
      ['end', 'end'],
    );
  });

  test('a refusal is told with its code', () => {
    const client = new RtmpClientSession({ ...options, mode: 'publish' });
    const server = new RtmpServerSession();
    converse(client, server);
    server.rejectPublish('NetStream.Publish.BadName', 'Already publishing.');
    assert.deepEqual(converse(client, server).client, [
      { type: 'failed', code: 'NetStream.Publish.BadName', description: 'Already publishing.' },
    ]);
    const other = new RtmpClientSession({ ...options, app: '', mode: 'play' });
    const events = converse(other, new RtmpServerSession()).client;
    assert.deepEqual(
      events.map((event) => event.type === 'failed' && event.code),
      ['NetConnection.Connect.InvalidApp'],
    );
  });
});
