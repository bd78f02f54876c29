import { ProtocolError } from '@sluice/base/errors';

/** One listed segment; `discontinuity` says that it does not continue the one before. */
export type PlaylistSegment = {
  readonly uri: string;
  readonly durationSeconds: number;
  readonly discontinuity: boolean;
};

/** An HLS media playlist (RFC 8216 §4.3.3). */
export type MediaPlaylist = {
  readonly version: number;
  /** At least every duration rounded up; must never shrink while a playlist lives. */
  readonly targetDurationSeconds: number;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly playlistType: 'EVENT' | 'VOD' | undefined;
  /** URI of the initialisation segment (fMP4). */
  readonly mapUri: string | undefined;
  readonly segments: readonly PlaylistSegment[];
  /** No segment will follow. */
  readonly ended: boolean;
};

const MAX_LINES = 200_000;

/** The text of a playlist. A live one forbids caching, as older players expect. */
export function encodeMediaPlaylist(playlist: MediaPlaylist): string {
  const lines = ['#EXTM3U', `#EXT-X-VERSION:${playlist.version}`];
  if (playlist.playlistType === undefined) lines.push('#EXT-X-ALLOW-CACHE:NO');
  else lines.push(`#EXT-X-PLAYLIST-TYPE:${playlist.playlistType}`);
  lines.push(`#EXT-X-TARGETDURATION:${playlist.targetDurationSeconds}`);
  lines.push(`#EXT-X-MEDIA-SEQUENCE:${playlist.mediaSequence}`);
  if (playlist.discontinuitySequence > 0) {
    lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}`);
  }
  if (playlist.mapUri !== undefined) lines.push(`#EXT-X-MAP:URI="${playlist.mapUri}"`);
  for (const segment of playlist.segments) {
    if (segment.discontinuity) lines.push('#EXT-X-DISCONTINUITY');
    lines.push(`#EXTINF:${formatSeconds(segment.durationSeconds)},`, segment.uri);
  }
  if (playlist.ended) lines.push('#EXT-X-ENDLIST');
  return `${lines.join('\n')}\n`;
}

/** Up to three decimals, none superfluous. */
function formatSeconds(seconds: number): string {
  return String(Math.round(seconds * 1000) / 1000);
}

/** Reads a media playlist, ignoring tags it does not know. @throws ProtocolError at the offending line (1-based) */
export function parseMediaPlaylist(text: string): MediaPlaylist {
  const lines = text.split(/\r?\n/, MAX_LINES + 1);
  if (lines.length > MAX_LINES) throw new ProtocolError('hls-too-long', MAX_LINES);
  if (lines[0]?.trim() !== '#EXTM3U') throw new ProtocolError('hls-signature', 1);
  const tags = new Map<string, string>();
  const segments: PlaylistSegment[] = [];
  let durationSeconds: number | undefined;
  let discontinuity = false;
  for (const [index, raw] of lines.entries()) {
    const line = raw.trim();
    if (line === '') continue;
    if (!line.startsWith('#')) {
      if (durationSeconds === undefined) throw new ProtocolError('hls-segment-without-duration', index + 1);
      segments.push({ uri: line, durationSeconds, discontinuity });
      durationSeconds = undefined;
      discontinuity = false;
      continue;
    }
    const colon = line.indexOf(':');
    const tag = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1);
    if (tag === '#EXTINF') durationSeconds = parseDecimal(value.split(',', 1)[0] ?? '', index + 1);
    else if (tag === '#EXT-X-DISCONTINUITY') discontinuity = true;
    else if (tag.startsWith('#EXT-X-')) tags.set(tag.slice(7), value);
  }
  const whole = (tag: string, fallback: number) => {
    const value = tags.get(tag);
    return value === undefined ? fallback : parseDecimal(value, 0);
  };
  const playlistType = tags.get('PLAYLIST-TYPE');
  return {
    version: whole('VERSION', 1),
    targetDurationSeconds: whole('TARGETDURATION', 0),
    mediaSequence: whole('MEDIA-SEQUENCE', 0),
    discontinuitySequence: whole('DISCONTINUITY-SEQUENCE', 0),
    playlistType: playlistType === 'EVENT' || playlistType === 'VOD' ? playlistType : undefined,
    mapUri: /URI="([^"]*)"/.exec(tags.get('MAP') ?? '')?.[1],
    segments,
    ended: tags.has('ENDLIST'),
  };
}

function parseDecimal(text: string, line: number): number {
  if (!/^\s*\d{1,15}(\.\d{0,15})?\s*$/.test(text)) throw new ProtocolError('hls-number', line);
  return Number(text);
}
