import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Clock } from '@sluice/base/clock';
import type { Logger } from '@sluice/core/log/logger';
import type { StreamHub } from '@sluice/core/ports/media';
import { publishSample } from './sample-stream.ts';

const STOP_GRACE_MS = 1_500;

/** A running source of the demo's live stream; `description` says what it is. */
export type LiveSource = { readonly description: string; stop(): Promise<void> };

/** Publishes `live/demo`: a moving test picture from ffmpeg when it is installed, the built-in sample otherwise. */
export function startLiveSource(options: {
  readonly rtmpUrl: string;
  readonly hub: StreamHub;
  readonly clock: Clock;
  readonly log: Logger;
}): LiveSource {
  const ffmpeg = findProgram('ffmpeg');
  if (ffmpeg === undefined) {
    const stop = publishSample(
      options.hub,
      { vhost: '__defaultVhost__', app: 'live', stream: 'demo', params: '' },
      options.clock,
    );
    return { description: 'the built-in sample', stop: async () => stop() };
  }
  const child = spawn(ffmpeg, ffmpegArguments(options.rtmpUrl), { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr.on('data', (text: Buffer) => options.log.debug(text.toString().trimEnd()));
  child.on('error', (error) => options.log.warning(`ffmpeg could not be started: ${error.message}`));
  const { promise: exited, resolve } = Promise.withResolvers<void>();
  let stopping = false;
  child.on('exit', (code, signal) => {
    if (!stopping && code !== 0 && signal === null) options.log.warning(`ffmpeg ended with status ${code}`);
    resolve();
  });
  return {
    description: 'a test picture from ffmpeg, 1280x720',
    async stop() {
      stopping = true;
      child.kill('SIGTERM');
      const force = options.clock.after(STOP_GRACE_MS, () => child.kill('SIGKILL'));
      await exited;
      force.cancel();
    },
  };
}

function ffmpegArguments(url: string): string[] {
  const video = ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=25'];
  const audio = ['-re', '-f', 'lavfi', '-i', 'sine=frequency=330:sample_rate=44100,volume=0.1'];
  const encodeVideo = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-tune',
    'zerolatency',
    '-b:v',
    '1500k',
    '-g',
    '50',
    '-pix_fmt',
    'yuv420p',
  ];
  const encodeAudio = ['-c:a', 'aac', '-b:a', '64k'];
  return [
    '-nostdin',
    '-loglevel',
    'error',
    ...video,
    ...audio,
    ...encodeVideo,
    ...encodeAudio,
    '-f',
    'flv',
    url,
  ];
}

function findProgram(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}
