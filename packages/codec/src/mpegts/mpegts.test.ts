import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ProtocolError } from '@sluice/base/errors';
import type { AudioTrack, Frame, VideoTrack } from '@sluice/base/media';
import fc from 'fast-check';
import { parseAdtsHeader } from '../aac/adts.ts';
import { joinLengthPrefixed, nalType, splitAnnexB } from '../h264/nal.ts';
import { crc32Mpeg } from './crc32.ts';
import { TsDemuxer, type TsEvent, type TsPes } from './demuxer.ts';
import { TsMuxer } from './muxer.ts';
import { encodePat, encodePmt, PID_AUDIO, PID_PAT, PID_PMT, PID_VIDEO, TS_PACKET_BYTES } from './psi.ts';

const VIDEO: VideoTrack = {
  kind: 'video',
  codec: 'h264',
  width: 1280,
  height: 720,
  fps: 25,
  config: Buffer.from('0142c01fffe100176742c01fda014016ec0440000003004000000c83c60ca801000468ce0fc8', 'hex'),
};
const AUDIO: AudioTrack = {
  kind: 'audio',
  codec: 'aac',
  sampleRate: 44100,
  channels: 2,
  config: Buffer.from('1210', 'hex'),
};

function videoFrame(dtsMs: number, keyFrame: boolean, bytes = 100, ptsMs = dtsMs): Frame {
  const nal = Buffer.alloc(bytes, 0xab);
  nal[0] = keyFrame ? 0x65 : 0x41;
  return { kind: 'video', dtsMs, ptsMs, keyFrame, data: joinLengthPrefixed([nal]) };
}

function audioFrame(dtsMs: number, bytes = 50): Frame {
  return { kind: 'audio', dtsMs, ptsMs: dtsMs, keyFrame: true, data: Buffer.alloc(bytes, 0xcd) };
}

function pidsOf(ts: Buffer): number[] {
  return Array.from({ length: ts.length / TS_PACKET_BYTES }, (_, index) => {
    assert.equal(ts[index * TS_PACKET_BYTES], 0x47);
    return ts.readUInt16BE(index * TS_PACKET_BYTES + 1) & 0x1fff;
  });
}

function demux(ts: Buffer): TsEvent[] {
  const demuxer = new TsDemuxer();
  return [...demuxer.push(ts), ...demuxer.flush()];
}

function pesOf(events: readonly TsEvent[]): TsPes[] {
  return events.flatMap((event) => (event.type === 'pes' ? [event.pes] : []));
}

describe('PSI', () => {
  test('CRC of the check string', () => {
    assert.equal(crc32Mpeg(Buffer.from('123456789')), 0x0376e6e7);
  });

  test('golden PAT and PMT', () => {
    assert.equal(encodePat().subarray(0, -4).toString('hex'), '00b00d0001c100000001e100');
    assert.equal(crc32Mpeg(encodePat()), 0);
    const pmt = encodePmt(
      0x101,
      [
        { pid: 0x101, streamType: 0x1b },
        { pid: 0x102, streamType: 0x0f },
      ],
      3,
    );
    assert.equal(pmt.subarray(0, -4).toString('hex'), '02b0170001c70000e101f0001be101f0000fe102f000');
    assert.equal(crc32Mpeg(pmt), 0);
  });
});

describe('TS muxer', () => {
  test('golden packet of a short audio frame', () => {
    const ts = new TsMuxer({ video: undefined, audio: AUDIO }).muxFrame(audioFrame(1000, 2));
    assert.deepEqual(pidsOf(ts), [PID_PAT, PID_PMT, PID_AUDIO]);
    const packet = ts.subarray(2 * TS_PACKET_BYTES);
    const pes = '000001c0' + '0011' + '848005' + '210005bf21' + 'fff15080013ffc' + 'cdcd';
    const stuffing = TS_PACKET_BYTES - 4 - 8 - pes.length / 2;
    // PCR 90000 without extension: base 33 bits, six reserved ones.
    const field = `${(7 + stuffing).toString(16)}100000afc87e00${'ff'.repeat(stuffing)}`;
    assert.equal(packet.toString('hex'), `47410230${field}${pes}`);
  });

  test('a key frame starts with PAT and PMT, an AUD and the parameter sets', () => {
    const muxer = new TsMuxer({ video: VIDEO, audio: AUDIO });
    const ts = muxer.muxFrame(videoFrame(0, true));
    assert.deepEqual(pidsOf(ts).slice(0, 3), [PID_PAT, PID_PMT, PID_VIDEO]);
    const [pes] = pesOf(demux(ts));
    assert.equal(pes?.randomAccess, true);
    assert.equal(pes?.pcr90k, 0);
    assert.deepEqual(splitAnnexB(pes!.data).map(nalType), [9, 7, 8, 5]);
    const delta = muxer.muxFrame(videoFrame(40, false));
    assert.deepEqual([...new Set(pidsOf(delta))], [PID_VIDEO]);
    const more = new TsMuxer({ video: VIDEO, audio: AUDIO });
    const [first, second] = pesOf(
      demux(Buffer.concat([more.muxFrame(videoFrame(0, true)), more.muxFrame(videoFrame(40, false))])),
    );
    assert.deepEqual(splitAnnexB(second!.data).map(nalType), [9, 1]);
    assert.equal(first?.randomAccess, true);
    assert.equal(second?.randomAccess, false);
  });

  test('parameter sets and AUD in the stream are not doubled', () => {
    const nals = [
      Uint8Array.of(9, 0xf0),
      Uint8Array.of(0x67, 1),
      Uint8Array.of(0x68, 1),
      Uint8Array.of(0x65, 0x88),
    ];
    const frame: Frame = {
      kind: 'video',
      dtsMs: 0,
      ptsMs: 0,
      keyFrame: true,
      data: joinLengthPrefixed(nals),
    };
    const [pes] = pesOf(demux(new TsMuxer({ video: VIDEO, audio: undefined }).muxFrame(frame)));
    assert.deepEqual(splitAnnexB(pes!.data).map(nalType), [9, 7, 8, 5]);
  });

  test('PSI comes again after 400 ms, after 50 frames, and when a segment starts', () => {
    const muxer = new TsMuxer({ video: undefined, audio: AUDIO });
    const withPsi = (dtsMs: number) => pidsOf(muxer.muxFrame(audioFrame(dtsMs))).includes(PID_PAT);
    assert.deepEqual(
      [withPsi(0), withPsi(200), withPsi(399), withPsi(400), withPsi(500)],
      [true, false, false, true, false],
    );
    muxer.startSegment();
    assert.deepEqual([withPsi(510), withPsi(520)], [true, false]);
    for (let count = 3; count <= 50; count++) assert.equal(withPsi(520), false);
    assert.equal(withPsi(520), true);
  });

  test('a splice carries the discontinuity indicator once, with the PCR', () => {
    const muxer = new TsMuxer({ video: VIDEO, audio: AUDIO });
    muxer.muxFrame(videoFrame(0, true));
    muxer.markDiscontinuity();
    const flagsOf = (ts: Buffer) => ts[2 * TS_PACKET_BYTES + 5]; // behind PAT and PMT
    assert.equal(flagsOf(muxer.muxFrame(videoFrame(0, true))), 0xd0);
    assert.equal(flagsOf(muxer.muxFrame(videoFrame(40, true))), 0x50);
  });

  test('a change of the set of streams makes a new PMT version', () => {
    const muxer = new TsMuxer({ video: VIDEO, audio: undefined });
    const first = muxer.muxFrame(videoFrame(0, true));
    muxer.setTracks({ video: VIDEO, audio: AUDIO });
    const second = muxer.muxFrame(videoFrame(40, true));
    const programs = demux(Buffer.concat([first, second])).filter((event) => event.type === 'program');
    assert.deepEqual(
      programs.map((program) => [...program.streams.keys()]),
      [[PID_VIDEO], [PID_VIDEO, PID_AUDIO]],
    );
  });

  test('frames of a track that was not announced give nothing', () => {
    assert.equal(new TsMuxer({ video: VIDEO, audio: undefined }).muxFrame(audioFrame(0)).length, 0);
  });

  test('large video has no PES length, time stamps wrap at 33 bits', () => {
    const muxer = new TsMuxer({ video: VIDEO, audio: undefined });
    const dtsMs = 2 ** 33 / 90 + 1000;
    const ts = muxer.muxFrame(videoFrame(Math.ceil(dtsMs), true, 100_000, Math.ceil(dtsMs) + 80));
    const [pes] = pesOf(demux(ts));
    assert.ok(pes!.data.byteLength > 100_000);
    const expected = Math.ceil(dtsMs) * 90 - 2 ** 33;
    assert.deepEqual([pes!.dts90k, pes!.pts90k, pes!.pcr90k], [expected, expected + 7200, expected]);
  });

  test('every size: whole packets, unbroken counters, the same payload back', () => {
    const sizes = fc.oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 5000 }));
    const frame = fc.tuple(fc.boolean(), fc.boolean(), sizes);
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 30 }), (shapes) => {
        const muxer = new TsMuxer({ video: VIDEO, audio: AUDIO });
        const frames = shapes.map(([isVideo, key, bytes], index) =>
          isVideo ? videoFrame(index * 20, key, bytes, index * 20 + 40) : audioFrame(index * 20, bytes),
        );
        const events = demux(Buffer.concat(frames.map((each) => muxer.muxFrame(each))));
        assert.equal(events.filter((event) => event.type === 'gap').length, 0);
        const byPid = (pid: number) => pesOf(events).filter((pes) => pes.pid === pid);
        const videos = frames.filter((each) => each.kind === 'video');
        assert.equal(byPid(PID_VIDEO).length, videos.length);
        for (const [index, pes] of byPid(PID_VIDEO).entries()) {
          const sent = videos[index]!;
          assert.deepEqual([pes.dts90k, pes.pts90k], [sent.dtsMs * 90, sent.ptsMs * 90]);
          assert.equal(pes.pcr90k, sent.dtsMs * 90);
          const last = splitAnnexB(pes.data).at(-1)!;
          assert.ok(Buffer.from(last).equals(sent.data.subarray(4)));
        }
        const audios = frames.filter((each) => each.kind === 'audio');
        assert.equal(byPid(PID_AUDIO).length, audios.length);
        for (const [index, pes] of byPid(PID_AUDIO).entries()) {
          assert.equal(parseAdtsHeader(pes.data).frameBytes, pes.data.byteLength);
          assert.ok(Buffer.from(pes.data.subarray(7)).equals(audios[index]!.data));
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('TS demuxer', () => {
  const muxer = new TsMuxer({ video: VIDEO, audio: AUDIO });
  const STREAM = Buffer.concat([
    muxer.muxFrame(videoFrame(0, true, 300)),
    muxer.muxFrame(audioFrame(0)),
    muxer.muxFrame(videoFrame(40, false, 20)),
  ]);

  test('split at every position', () => {
    const summary = (events: readonly TsEvent[]) =>
      events.map((event) => (event.type === 'pes' ? [event.pes.pid, event.pes.data.byteLength] : event.type));
    const whole = summary(demux(STREAM));
    assert.equal(whole.length, 4);
    for (let at = 0; at <= STREAM.length; at++) {
      const demuxer = new TsDemuxer();
      const events = [
        ...demuxer.push(STREAM.subarray(0, at)),
        ...demuxer.push(STREAM.subarray(at)),
        ...demuxer.flush(),
      ];
      assert.deepEqual(summary(events), whole);
    }
  });

  test('a lost packet drops its PES and is told', () => {
    const lost = Buffer.concat([
      STREAM.subarray(0, 3 * TS_PACKET_BYTES),
      STREAM.subarray(4 * TS_PACKET_BYTES),
    ]);
    const events = demux(lost);
    assert.ok(events.some((event) => event.type === 'gap' && event.pid === PID_VIDEO));
    assert.deepEqual(
      pesOf(events)
        .map((pes) => pes.pid)
        .sort(),
      [PID_VIDEO, PID_AUDIO],
    );
  });

  test('damaged packets give events or a ProtocolError', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(STREAM.length - 1), fc.nat(255)), { maxLength: 4 }), (damage) => {
        const bytes = Buffer.from(STREAM);
        for (const [at, value] of damage) bytes[at] = value;
        try {
          demux(bytes);
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
        }
      }),
      { numRuns: 300 },
    );
  });
});
