import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ProtocolError } from '@sluice/base/errors';
import type { Frame } from '@sluice/base/media';
import fc from 'fast-check';
import { encodeAmf0 } from '../amf/amf0.ts';
import { encodeAacConfigTag, encodeAacFrameTag, parseAudioTag } from './audio-tag.ts';
import { FlvDemuxer, type FlvEvent } from './demuxer.ts';
import { encodeMetadataTag, metadataOf, parseMetadata } from './metadata.ts';
import { encodeFlvHeader, encodeFlvTag, encodeFlvTags, type FlvTag, parseFlvHeader } from './tag.ts';
import { encodeAvcConfigTag, encodeAvcFrameTag, frameFromVideoTag, parseVideoTag } from './video-tag.ts';

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}

/** Events with plain buffers, so that pooled memory compares by content. */
function plain(events: readonly FlvEvent[]): unknown[] {
  return events.map((event) =>
    event.type === 'header' ? event : { ...event.tag, data: Buffer.from(event.tag.data).toString('hex') },
  );
}

describe('FLV tags', () => {
  test('golden file headers', () => {
    assert.deepEqual(encodeFlvHeader({ video: true, audio: true }), bytesOf('464c5601 05 00000009 00000000'));
    assert.deepEqual(encodeFlvHeader({ video: true, audio: false })[4], 1);
    assert.deepEqual(encodeFlvHeader({ video: false, audio: true })[4], 4);
    assert.deepEqual(parseFlvHeader(bytesOf('464c5601 04 00000009')), {
      video: false,
      audio: true,
      dataOffset: 9,
    });
    assert.throws(() => parseFlvHeader(bytesOf('464c5701 04 00000009')), { code: 'flv-signature' });
    assert.throws(() => parseFlvHeader(bytesOf('464c5601 04 7fffffff')), { code: 'flv-data-offset' });
  });

  test('golden tag with a timestamp over 24 bits', () => {
    const tag = {
      type: 9,
      timestampMs: 0x81020304,
      prefix: Uint8Array.of(0xaa),
      data: Uint8Array.of(0xbb, 0xcc),
    };
    assert.deepEqual(encodeFlvTag(tag), bytesOf('09 000003 020304 81 000000 aabbcc 0000000e'));
  });

  test('timestamps go over the 32-bit wrap', () => {
    assert.deepEqual(
      encodeFlvTag({ type: 8, timestampMs: 2 ** 32 + 5, data: new Uint8Array(0) }),
      bytesOf('08 000000 000005 00 000000 0000000b'),
    );
  });

  test('refuses a body over 24 bits', () => {
    assert.throws(
      () => encodeFlvTag({ type: 9, timestampMs: 0, data: new Uint8Array(0x1000000) }),
      ProtocolError,
    );
  });
});

describe('FLV demuxer', () => {
  const TAGS: readonly FlvTag[] = [
    { type: 18, timestampMs: 0, data: encodeAmf0('onMetaData', {}) },
    { type: 9, timestampMs: 40, data: bytesOf('1700000000') },
    { type: 8, timestampMs: 0xfffffff0, data: new Uint8Array(0) },
  ];
  const FILE = Buffer.concat([encodeFlvHeader({ video: true, audio: true }), encodeFlvTags(TAGS)]);
  const EXPECTED = plain([
    { type: 'header', video: true, audio: true },
    ...TAGS.map((tag) => ({ type: 'tag', tag }) as const),
  ]);

  test('whole, split at every position and byte by byte', () => {
    assert.deepEqual(plain(new FlvDemuxer().push(FILE)), EXPECTED);
    for (let at = 0; at <= FILE.length; at++) {
      const demuxer = new FlvDemuxer();
      assert.deepEqual(
        plain([...demuxer.push(FILE.subarray(0, at)), ...demuxer.push(FILE.subarray(at))]),
        EXPECTED,
      );
    }
    const demuxer = new FlvDemuxer();
    assert.deepEqual(plain([...FILE].flatMap((byte) => demuxer.push(Uint8Array.of(byte)))), EXPECTED);
  });

  test('accepts a previous tag size of 0 and refuses a wrong one', () => {
    const file = Buffer.from(FILE);
    file.writeUInt32BE(0, file.length - 4);
    assert.equal(new FlvDemuxer().push(file).length, EXPECTED.length);
    file.writeUInt32BE(7, file.length - 4);
    assert.throws(() => new FlvDemuxer().push(file), { code: 'flv-previous-tag-size' });
  });

  test('refuses a tag over its limit before it arrives', () => {
    const head = Buffer.concat([
      encodeFlvHeader({ video: true, audio: true }),
      bytesOf('09 ffffff 000000 00 000000'),
    ]);
    assert.throws(() => new FlvDemuxer().push(head), { code: 'flv-tag-too-large' });
  });

  test('any bytes give events or a ProtocolError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (noise) => {
        try {
          new FlvDemuxer({ maxTagBytes: 1000 }).push(
            Buffer.concat([encodeFlvHeader({ video: true, audio: true }), noise]),
          );
        } catch (error) {
          assert.ok(error instanceof ProtocolError);
        }
      }),
    );
  });
});

describe('video tags', () => {
  const CASES: readonly {
    name: string;
    hex: string;
    value: Partial<ReturnType<typeof parseVideoTag>>;
    payload: string;
  }[] = [
    {
      name: 'AVC configuration',
      hex: '17 00 000000 01',
      value: { codec: 'h264', packet: 'config', keyFrame: true, enhanced: false },
      payload: '01',
    },
    {
      name: 'AVC inter frame',
      hex: '27 01 000050 41',
      value: { packet: 'frames', keyFrame: false, compositionMs: 80 },
      payload: '41',
    },
    {
      name: 'negative composition time',
      hex: '27 01 ffffb0 41',
      value: { compositionMs: -80 },
      payload: '41',
    },
    { name: 'end of sequence', hex: '17 02 000000', value: { packet: 'end' }, payload: '' },
    { name: 'short end of sequence', hex: '17 02', value: { packet: 'end' }, payload: '' },
    {
      name: 'HEVC by classic id',
      hex: '1c 00 000000 01',
      value: { codec: 'h265', packet: 'config' },
      payload: '01',
    },
    { name: 'command frame', hex: '57 00', value: { packet: 'other' }, payload: '00' },
    {
      name: 'enhanced HEVC start',
      hex: '90 68766331 01',
      value: { codec: 'h265', packet: 'config', enhanced: true, keyFrame: true },
      payload: '01',
    },
    {
      name: 'enhanced HEVC frames with composition time',
      hex: 'a1 68766331 ffffff 02',
      value: { codec: 'h265', packet: 'frames', compositionMs: -1, keyFrame: false },
      payload: '02',
    },
    {
      name: 'enhanced HEVC frames without',
      hex: 'a3 68766331 02',
      value: { packet: 'frames', compositionMs: 0 },
      payload: '02',
    },
    {
      name: 'enhanced AV1 frames never have one',
      hex: '91 61763031 0a0b0c',
      value: { codec: 'av1', packet: 'frames', compositionMs: 0 },
      payload: '0a0b0c',
    },
    { name: 'enhanced metadata', hex: '94 68766331 02', value: { packet: 'other' }, payload: '02' },
    {
      name: 'unknown fourcc',
      hex: '90 78787878 02',
      value: { codec: 'unknown', packet: 'config' },
      payload: '02',
    },
  ];
  for (const { name, hex, value, payload } of CASES) {
    test(name, () => {
      const tag = parseVideoTag(bytesOf(hex));
      assert.partialDeepStrictEqual(tag, value);
      assert.equal(Buffer.from(tag.payload).toString('hex'), payload);
    });
  }

  test('refuses cut headers', () => {
    for (const hex of ['', '17', '17 01 0000', '91 6876', 'a1 68766331 ffff']) {
      assert.throws(() => parseVideoTag(bytesOf(hex)), { code: 'truncated' });
    }
  });

  test('a frame both ways', () => {
    const frame: Frame = {
      kind: 'video',
      dtsMs: 1000,
      ptsMs: 960,
      keyFrame: true,
      data: bytesOf('00000002 6588'),
    };
    const parts = encodeAvcFrameTag(frame);
    assert.equal(Buffer.from(parts.prefix!).toString('hex'), '1701ffffd8');
    const parsed = parseVideoTag(Buffer.concat([parts.prefix!, parts.data]));
    assert.deepEqual(frameFromVideoTag(parsed, 1000, 4), { ...frame, data: Buffer.from(frame.data) });
  });

  test('frames get 4-byte lengths and a key flag from their content', () => {
    const parsed = parseVideoTag(bytesOf('17 01 000000 0002 4188'));
    const frame = frameFromVideoTag(parsed, 0, 2);
    assert.equal(frame.keyFrame, false);
    assert.deepEqual(Buffer.from(frame.data), bytesOf('00000002 4188'));
    assert.throws(() => frameFromVideoTag(parsed, 0, 4), ProtocolError);
  });

  test('golden configuration tag', () => {
    const parts = encodeAvcConfigTag(Uint8Array.of(1));
    assert.deepEqual(encodeFlvTag(parts), bytesOf('09 000006 000000 00 000000 1700000000 01 00000011'));
  });

  test('any bytes give a tag or a ProtocolError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
        for (const parse of [parseVideoTag, parseAudioTag]) {
          try {
            parse(bytes);
          } catch (error) {
            assert.ok(error instanceof ProtocolError);
          }
        }
      }),
    );
  });
});

describe('audio tags', () => {
  const CASES: readonly {
    name: string;
    hex: string;
    value: Partial<ReturnType<typeof parseAudioTag>>;
    payload: string;
  }[] = [
    {
      name: 'AAC configuration',
      hex: 'af 00 1210',
      value: { codec: 'aac', packet: 'config', enhanced: false },
      payload: '1210',
    },
    { name: 'AAC frame', hex: 'af 01 2110', value: { codec: 'aac', packet: 'frames' }, payload: '2110' },
    { name: 'MP3', hex: '2f fffb', value: { codec: 'mp3', packet: 'frames' }, payload: 'fffb' },
    { name: 'G.711 A-law', hex: '72 d5', value: { codec: 'g711a', packet: 'frames' }, payload: 'd5' },
    {
      name: 'enhanced Opus start',
      hex: '90 4f707573 4f',
      value: { codec: 'opus', packet: 'config', enhanced: true },
      payload: '4f',
    },
    {
      name: 'enhanced AAC frames',
      hex: '91 6d703461 21',
      value: { codec: 'aac', packet: 'frames', enhanced: true },
      payload: '21',
    },
  ];
  for (const { name, hex, value, payload } of CASES) {
    test(name, () => {
      const tag = parseAudioTag(bytesOf(hex));
      assert.partialDeepStrictEqual(tag, value);
      assert.equal(Buffer.from(tag.payload).toString('hex'), payload);
    });
  }

  test('golden tags', () => {
    assert.deepEqual(
      encodeFlvTag(encodeAacConfigTag(bytesOf('1210'))),
      bytesOf('08 000004 000000 00 000000 af00 1210 0000000f'),
    );
    const frame: Frame = { kind: 'audio', dtsMs: 23, ptsMs: 23, keyFrame: true, data: bytesOf('2110') };
    assert.deepEqual(
      encodeFlvTag(encodeAacFrameTag(frame)),
      bytesOf('08 000004 000017 00 000000 af01 2110 0000000f'),
    );
  });
});

describe('onMetaData', () => {
  const video = {
    kind: 'video',
    codec: 'h264',
    width: 1280,
    height: 720,
    fps: 25,
    config: new Uint8Array(0),
  } as const;
  const audio = {
    kind: 'audio',
    codec: 'aac',
    sampleRate: 44100,
    channels: 2,
    config: new Uint8Array(0),
  } as const;

  test('describes the tracks', () => {
    const properties = parseMetadata(encodeMetadataTag(metadataOf({ video, audio }, 'sluice')).data);
    assert.deepEqual(
      { ...properties },
      {
        duration: 0,
        width: 1280,
        height: 720,
        framerate: 25,
        videodatarate: 0,
        videocodecid: 7,
        audiosamplerate: 44100,
        audiosamplesize: 16,
        stereo: true,
        audiodatarate: 0,
        audiocodecid: 10,
        server: 'sluice',
      },
    );
  });

  test('leaves out a missing track', () => {
    assert.deepEqual(Object.keys(metadataOf({ video: undefined, audio: undefined }, 's')), [
      'duration',
      'server',
    ]);
  });

  test('reads behind @setDataFrame, and nothing else', () => {
    assert.deepEqual(
      { ...parseMetadata(encodeAmf0('@setDataFrame', 'onMetaData', { width: 1 })) },
      { width: 1 },
    );
    assert.equal(parseMetadata(encodeAmf0('onCuePoint', { width: 1 })), undefined);
    assert.equal(parseMetadata(new Uint8Array(0)), undefined);
  });
});
