import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ProtocolError } from '@sluice/base/errors';
import fc from 'fast-check';
import { encodeMediaPlaylist, type MediaPlaylist, parseMediaPlaylist } from './media-playlist.ts';

const LIVE: MediaPlaylist = {
  version: 4,
  targetDurationSeconds: 3,
  mediaSequence: 7,
  discontinuitySequence: 0,
  playlistType: undefined,
  mapUri: undefined,
  segments: [
    { uri: '2026-01-02/03/04-05_7.ts', durationSeconds: 2, discontinuity: false },
    { uri: '2026-01-02/03/04-07_8.ts', durationSeconds: 2.04, discontinuity: true },
  ],
  ended: false,
};

const LIVE_TEXT = `#EXTM3U
#EXT-X-VERSION:4
#EXT-X-ALLOW-CACHE:NO
#EXT-X-TARGETDURATION:3
#EXT-X-MEDIA-SEQUENCE:7
#EXTINF:2,
2026-01-02/03/04-05_7.ts
#EXT-X-DISCONTINUITY
#EXTINF:2.04,
2026-01-02/03/04-07_8.ts
`;

describe('HLS media playlist', () => {
  test('golden live playlist both ways', () => {
    assert.equal(encodeMediaPlaylist(LIVE), LIVE_TEXT);
    assert.deepEqual(parseMediaPlaylist(LIVE_TEXT), LIVE);
  });

  test('golden event playlist with map, discontinuity sequence and end', () => {
    const text = encodeMediaPlaylist({
      ...LIVE,
      version: 7,
      playlistType: 'EVENT',
      discontinuitySequence: 2,
      mapUri: 'init.mp4',
      segments: [],
      ended: true,
    });
    assert.equal(
      text,
      '#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-TARGETDURATION:3\n#EXT-X-MEDIA-SEQUENCE:7\n' +
        '#EXT-X-DISCONTINUITY-SEQUENCE:2\n#EXT-X-MAP:URI="init.mp4"\n#EXT-X-ENDLIST\n',
    );
  });

  test('durations have at most three decimals', () => {
    const segment = { uri: 'a.ts', durationSeconds: 1.98049999, discontinuity: false };
    assert.match(encodeMediaPlaylist({ ...LIVE, segments: [segment] }), /^#EXTINF:1\.98,$/m);
  });

  test('reads CRLF and ignores unknown tags and comments', () => {
    const text = `${LIVE_TEXT.replaceAll('\n', '\r\n')}# comment\r\n#EXT-X-UNKNOWN:1\r\n`;
    assert.deepEqual(parseMediaPlaylist(text), LIVE);
  });

  test('refuses what is no media playlist', () => {
    for (const text of [
      '',
      'a.ts',
      '#EXTM3U\na.ts',
      '#EXTM3U\n#EXTINF:x,\na.ts',
      '#EXTM3U\n#EXTINF:1e9,\na.ts',
    ]) {
      assert.throws(() => parseMediaPlaylist(text), ProtocolError, text);
    }
  });

  test('every playlist both ways', () => {
    const PLAIN = { noNullPrototype: true };
    const segment = fc.record(
      {
        uri: fc.stringMatching(/^[a-z0-9/_-]{1,20}\.ts$/),
        durationSeconds: fc.integer({ min: 1, max: 60_000 }).map((ms) => ms / 1000),
        discontinuity: fc.boolean(),
      },
      PLAIN,
    );
    const playlist = fc.record(
      {
        version: fc.constantFrom(4, 7),
        targetDurationSeconds: fc.integer({ min: 1, max: 60 }),
        mediaSequence: fc.nat(),
        discontinuitySequence: fc.nat(5),
        playlistType: fc.constantFrom(undefined, 'EVENT' as const, 'VOD' as const),
        mapUri: fc.constantFrom(undefined, 'init.mp4'),
        segments: fc.array(segment, { maxLength: 5 }),
        ended: fc.boolean(),
      },
      PLAIN,
    );
    fc.assert(
      fc.property(playlist, (value) => {
        assert.deepEqual(parseMediaPlaylist(encodeMediaPlaylist(value)), value);
      }),
    );
  });
});
