import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ProtocolError } from '@sluice/base/errors';
import fc from 'fast-check';
import { AdtsEncoder, parseAdtsHeader } from './adts.ts';
import {
  AAC_SAMPLE_RATES,
  encodeAudioSpecificConfig,
  parseAudioSpecificConfig,
} from './audio-specific-config.ts';
import { SILENT_AAC_CONFIG } from './silence.ts';

describe('AudioSpecificConfig', () => {
  const CONFIGS = [
    { hex: '1210', value: { objectType: 2, sampleRate: 44100, channels: 2 } },
    { hex: '1190', value: { objectType: 2, sampleRate: 48000, channels: 2 } },
    { hex: '1588', value: { objectType: 2, sampleRate: 8000, channels: 1 } },
    { hex: '11b8', value: { objectType: 2, sampleRate: 48000, channels: 8 } },
    { hex: '1780138810', value: { objectType: 2, sampleRate: 10000, channels: 2 } },
  ];
  for (const { hex, value } of CONFIGS) {
    test(`${hex} both ways`, () => {
      assert.deepEqual(parseAudioSpecificConfig(Buffer.from(hex, 'hex')), value);
      assert.equal(encodeAudioSpecificConfig(value).toString('hex'), hex);
    });
  }

  test('a longer record is read by its first fields', () => {
    const sbr = Buffer.from('2b11880000', 'hex');
    assert.deepEqual(parseAudioSpecificConfig(sbr), { objectType: 5, sampleRate: 24000, channels: 2 });
  });

  test('refuses what is cut, reserved or out of range', () => {
    for (const hex of ['', '12', '1680', '0210', '1248']) {
      assert.throws(() => parseAudioSpecificConfig(Buffer.from(hex, 'hex')), ProtocolError, hex);
    }
    assert.throws(
      () => encodeAudioSpecificConfig({ objectType: 2, sampleRate: 44100, channels: 7 }),
      ProtocolError,
    );
    assert.throws(
      () => encodeAudioSpecificConfig({ objectType: 2, sampleRate: 2 ** 24, channels: 1 }),
      ProtocolError,
    );
  });

  test('every configuration both ways', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.oneof(fc.constantFrom(...AAC_SAMPLE_RATES), fc.integer({ min: 1, max: 0xffffff })),
        fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 8),
        (objectType, sampleRate, channels) => {
          const value = { objectType, sampleRate, channels };
          assert.deepEqual(parseAudioSpecificConfig(encodeAudioSpecificConfig(value)), value);
        },
      ),
    );
  });
});

describe('ADTS', () => {
  test('golden header for AAC-LC 44100 stereo', () => {
    const header = new AdtsEncoder(Buffer.from('1210', 'hex')).header(200);
    assert.equal(header.toString('hex'), 'fff15080' + '19fffc');
  });

  test('header of the silent track', () => {
    const header = new AdtsEncoder(SILENT_AAC_CONFIG).header(4);
    assert.deepEqual(parseAdtsHeader(header), {
      objectType: 2,
      sampleRate: 8000,
      channels: 1,
      headerBytes: 7,
      frameBytes: 11,
    });
  });

  test('SBR is announced by its AAC-LC core', () => {
    const header = new AdtsEncoder(Buffer.from('2b11880000', 'hex')).header(1);
    assert.equal(parseAdtsHeader(header).objectType, 2);
  });

  test('every header both ways', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(...AAC_SAMPLE_RATES),
        fc.constantFrom(1, 2, 3, 4, 5, 6, 8),
        fc.nat(8184),
        (objectType, sampleRate, channels, payloadBytes) => {
          const config = { objectType, sampleRate, channels };
          const header = new AdtsEncoder(encodeAudioSpecificConfig(config)).header(payloadBytes);
          assert.deepEqual(parseAdtsHeader(header), {
            ...config,
            headerBytes: 7,
            frameBytes: 7 + payloadBytes,
          });
        },
      ),
    );
  });

  test('refuses frames over 13 bits and rates without an index', () => {
    assert.throws(() => new AdtsEncoder(SILENT_AAC_CONFIG).header(8185), ProtocolError);
    assert.throws(() => new AdtsEncoder(Buffer.from('1780138810', 'hex')), ProtocolError);
  });

  test('any bytes give a header or a ProtocolError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9 }), (bytes) => {
        try {
          parseAdtsHeader(Uint8Array.of(0xff, 0xf1, ...bytes));
        } catch (error) {
          assert.ok(error instanceof ProtocolError);
        }
      }),
    );
  });
});
