import type { MediaSettings } from '../settings/settings.ts';
import type { StampMode } from './stamp-rewriter.ts';

/** What a stream is made with; settings that change later apply to later streams. */
export type StreamOptions = {
  readonly stampMode: StampMode;
  readonly enableAudio: boolean;
  readonly addMuteAudio: boolean;
  readonly autoClose: boolean;
  readonly continuePushMs: number;
  readonly enableRtmp: boolean;
  readonly enableHls: boolean;
  readonly hlsDemand: boolean;
  readonly waitTrackReadyMs: number;
  readonly waitAddTrackMs: number;
  readonly unreadyFrames: number;
  readonly hls: {
    readonly segmentMs: number;
    readonly listedSegments: number;
    readonly retainedSegments: number;
    readonly fastRegister: boolean;
  };
};

const MAX_UNREADY_FRAMES = 1000;
const MAX_HLS_SEGMENTS = 100;

/** The options a stream published now gets. */
export function readStreamOptions(settings: MediaSettings): StreamOptions {
  const stamp = settings.number('protocol.modify_stamp');
  const bounded = (key: string, least: number, most: number) =>
    Math.min(most, Math.max(least, Math.trunc(settings.number(key))));
  return {
    stampMode: stamp === 0 || stamp === 1 ? stamp : 2,
    enableAudio: settings.flag('protocol.enable_audio'),
    addMuteAudio: settings.flag('protocol.add_mute_audio'),
    autoClose: settings.flag('protocol.auto_close'),
    continuePushMs: Math.max(0, settings.number('protocol.continue_push_ms')),
    enableRtmp: settings.flag('protocol.enable_rtmp'),
    enableHls: settings.flag('protocol.enable_hls'),
    hlsDemand: settings.flag('protocol.hls_demand'),
    waitTrackReadyMs: Math.max(0, settings.number('general.wait_track_ready_ms')),
    waitAddTrackMs: Math.max(0, settings.number('general.wait_add_track_ms')),
    unreadyFrames: bounded('general.unready_frame_cache', 1, MAX_UNREADY_FRAMES),
    hls: {
      segmentMs: Math.min(60_000, Math.max(100, settings.number('hls.segDur') * 1000)),
      // 0 asks for an endless recording, which belongs on disk; live memory keeps the most it may.
      listedSegments: bounded('hls.segNum', 0, MAX_HLS_SEGMENTS) || MAX_HLS_SEGMENTS,
      retainedSegments: bounded('hls.segRetain', 0, MAX_HLS_SEGMENTS),
      fastRegister: settings.flag('hls.fastRegister'),
    },
  };
}
