import type { Session, Sessions, Stream, Track } from '@sluice/api/native/types';
import type { ReactNode } from 'react';
import { call } from '../../api/client.ts';
import { useLive } from '../../api/live.ts';
import { useText } from '../../text/text.ts';
import { act } from '../../ui/action.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { confirm } from '../../ui/confirm.tsx';
import { CopyLine } from '../../ui/copy.tsx';
import { EmptyState } from '../../ui/panel.tsx';
import { SidePane } from '../../ui/side-pane.tsx';
import { closeStream } from './close-stream.ts';
import { LivePlayer } from './live-player.tsx';
import { codecNameOf, nameOf } from './stream-text.ts';

/** One stream: the picture, what it is made of, where to play it, who is connected. Escape closes it. */
export function StreamPane(props: {
  readonly name: string;
  readonly stream: Stream | undefined;
  readonly loaded: boolean;
  readonly onClose: () => void;
}) {
  const { t } = useText();
  const { stream, onClose } = props;
  return (
    <SidePane
      title={stream === undefined ? props.name : nameOf(stream)}
      aside={
        stream !== undefined && (
          <Button look="danger" icon="close" onClick={() => void closeStream(stream, t)}>
            {t('streams.close')}
          </Button>
        )
      }
      onClose={onClose}
    >
      {stream === undefined ? (
        <EmptyState title={t(props.loaded ? 'streams.gone' : 'common.loading')} />
      ) : (
        <>
          <LivePlayer key={stream.createdMs} path={stream.flvPath} />
          <Facts stream={stream} />
          <Part title={t('streams.play')}>
            {stream.play.map((address) => (
              <div
                key={`${address.protocol} ${address.url}`}
                className="grid grid-cols-[4.5rem_minmax(0,1fr)] items-center gap-2"
              >
                <span className="text-faint text-xs">{address.protocol}</span>
                <CopyLine text={address.url} />
              </div>
            ))}
          </Part>
          <SessionList stream={stream} />
        </>
      )}
    </SidePane>
  );
}

function Part({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <section aria-label={title} className="flex flex-col gap-1.5 border-line border-t px-4 py-3">
      <h3 className="font-semibold text-soft">{title}</h3>
      {children}
    </section>
  );
}

function Facts({ stream }: { readonly stream: Stream }) {
  const { t, format } = useText();
  const facts: readonly (readonly [string, string])[] = [
    ...stream.tracks.map(
      (track) => [t(track.kind === 'video' ? 'streams.video' : 'streams.audio'), trackText(track)] as const,
    ),
    [t('streams.bitrate'), format.bitrate(stream.bytesPerSecond)],
    [
      t('streams.viewers'),
      stream.schemas.map(({ schema, viewers }) => `${schema} ${format.number(viewers)}`).join(' · '),
    ],
    [t('streams.received'), format.bytes(stream.totalBytes)],
    [t('streams.uptime'), format.duration(stream.aliveSeconds)],
    [t('streams.origin'), `${stream.origin.type} ${stream.origin.peer}`],
  ];
  return (
    <dl className="grid grid-cols-[7rem_minmax(0,1fr)] gap-x-4 gap-y-1 px-4 py-3 tabular-nums">
      {facts.map(([name, value], index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: two tracks may share a name; the list does not move
        <div key={index} className="contents">
          <dt className="text-faint">{name}</dt>
          <dd className="min-w-0 break-words">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function trackText(track: Track): string {
  const parts =
    track.kind === 'video'
      ? [
          track.width === undefined ? '' : `${track.width}×${track.height ?? 0}`,
          track.fps === undefined ? '' : `${Math.round(track.fps)} fps`,
          track.gopIntervalMs === undefined ? '' : `GOP ${(track.gopIntervalMs / 1000).toFixed(1)} s`,
        ]
      : [
          track.sampleRate === undefined ? '' : `${track.sampleRate} Hz`,
          track.channels === undefined ? '' : `${track.channels} ch`,
        ];
  return [codecNameOf(track.codec), ...parts.filter((part) => part !== '')].join(' · ');
}

function SessionList({ stream }: { readonly stream: Stream }) {
  const { t, format } = useText();
  const { value } = useLive<Sessions>('/sessions/stream');
  const sessions = value?.sessions.filter((session) => session.stream === nameOf(stream)) ?? [];
  const kick = async (session: Session) => {
    if (!(await confirm(t('streams.kick'), t('streams.kickText', { peer: session.peer }), t('streams.kick'))))
      return;
    await act(() => call('DELETE', `/sessions/${encodeURIComponent(session.id)}`), t('streams.kicked'));
  };
  return (
    <Part title={t('streams.sessions')}>
      {sessions.length === 0 && <p className="text-faint">{t('streams.noSessions')}</p>}
      <ul className="flex flex-col">
        {sessions.map((session) => (
          <li
            key={session.id}
            className="flex items-center gap-3 border-line/60 border-b py-1 tabular-nums last:border-0"
          >
            <span className="w-32 shrink-0 truncate">
              {session.protocol} · {t(session.role === 'publisher' ? 'streams.publisher' : 'streams.player')}
            </span>
            <span className="min-w-0 flex-1 truncate text-soft">{session.peer}</span>
            {session.skips > 0 && (
              <span className="text-warn">{t('streams.skips', { number: session.skips })}</span>
            )}
            <span>{format.bytes(session.role === 'publisher' ? session.bytesIn : session.bytesOut)}</span>
            <IconButton icon="close" label={t('streams.kick')} onClick={() => void kick(session)} />
          </li>
        ))}
      </ul>
    </Part>
  );
}
