import { useEffect, useRef, useState } from 'react';
import { useText } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';

type PlayerState = 'starting' | 'playing' | 'failed' | 'unsupported';

/** Plays a live stream from this page's own origin as HTTP-FLV, muted so that browsers let it start by itself. */
export function LivePlayer({ path }: { readonly path: string }) {
  const { t } = useText();
  const video = useRef<HTMLVideoElement>(null);
  const [state, setState] = useState<PlayerState>('starting');
  const [detail, setDetail] = useState('');
  const [attempt, setAttempt] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new attempt starts the same stream again
  useEffect(() => {
    const element = video.current;
    if (element === null) return undefined;
    let ended = false;
    let stop = () => {};
    setState('starting');
    const start = async () => {
      // The player is large and only wanted here.
      const { default: mpegts } = await import('mpegts.js');
      if (ended) return;
      if (!mpegts.isSupported()) {
        setState('unsupported');
        return;
      }
      // The control listener may serve this page below a reverse proxy's path; live URLs stand beside the API.
      const url = new URL(`..${path}`, document.baseURI).href;
      const player = mpegts.createPlayer(
        { type: 'flv', isLive: true, url },
        {
          enableStashBuffer: false,
          liveBufferLatencyChasing: true,
          lazyLoad: false,
          autoCleanupSourceBuffer: true,
        },
      );
      player.on(mpegts.Events.ERROR, (kind: string, reason: string) => {
        setDetail(`${kind}: ${reason}`);
        setState('failed');
      });
      player.attachMediaElement(element);
      player.load();
      stop = () => player.destroy();
      try {
        await player.play();
      } catch (error) {
        // Leaving the page interrupts play(); that is not a failure.
        if (!ended) setDetail(error instanceof Error ? error.message : String(error));
      }
    };
    void start();
    return () => {
      ended = true;
      stop();
    };
  }, [path, attempt]);

  return (
    <div className="relative bg-black">
      <video
        ref={video}
        muted
        playsInline
        controls
        aria-label={t('streams.playerLabel', { name: path })}
        className="aspect-video max-h-[48dvh] w-full"
        onPlaying={() => setState('playing')}
      />
      {state !== 'playing' && (
        <div
          className={`absolute inset-0 grid place-content-center justify-items-center gap-2 p-4 text-center text-white/85 ${
            state === 'starting' ? 'pointer-events-none' : 'bg-neutral-950'
          }`}
        >
          {state === 'starting' && t('streams.starting')}
          {state === 'unsupported' && t('streams.unsupported')}
          {state === 'failed' && (
            <>
              {t('streams.failed')}
              <span className="text-white/60 text-xs">{detail}</span>
              <Button onClick={() => setAttempt(attempt + 1)}>{t('streams.retry')}</Button>
            </>
          )}
        </div>
      )}
    </div>
  );
}
