import { useEffect, useRef, useState } from 'react';
import { ApiError, call, type Query, secretWanted, streamAddressOf } from './client.ts';

export type LiveState = 'connecting' | 'open' | 'lost';

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 8000;

/**
 * Watches a live stream and keeps reconnecting until stopped. While a secret is wanted it waits for one instead of
 * knocking.
 */
export function openLive<T>(
  path: string,
  query: Query,
  onItem: (item: T) => void,
  onState: (state: LiveState) => void,
): () => void {
  let socket: WebSocket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let retryMs = FIRST_RETRY_MS;
  let stopped = false;

  const connect = () => {
    if (stopped || secretWanted.get() !== 'no') return;
    socket = new WebSocket(streamAddressOf(path, query));
    socket.onopen = () => {
      retryMs = FIRST_RETRY_MS;
      onState('open');
    };
    socket.onmessage = (event: MessageEvent<string>) => onItem(JSON.parse(event.data) as T);
    socket.onclose = () => {
      if (stopped) return;
      onState('lost');
      // A refused handshake does not tell the page why; an ordinary request does, and asks for the secret.
      call('GET', '/settings').catch((error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
      });
      timer = setTimeout(connect, retryMs);
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    };
  };
  const stopWaiting = secretWanted.subscribe(() => {
    if (secretWanted.get() !== 'no') return;
    clearTimeout(timer);
    retryMs = FIRST_RETRY_MS;
    socket?.close();
    if (socket === undefined || socket.readyState === WebSocket.CLOSED) connect();
  });
  onState('connecting');
  connect();
  return () => {
    stopped = true;
    clearTimeout(timer);
    stopWaiting();
    socket?.close();
  };
}

/** The newest item of a live stream of snapshots; frozen while `paused`. */
export function useLive<T>(
  path: string,
  query: Query = {},
  paused = false,
): { value: T | undefined; state: LiveState } {
  const [value, setValue] = useState<T>();
  const [state, setState] = useState<LiveState>('connecting');
  const pausedNow = useRef(paused);
  pausedNow.current = paused;
  const queryText = JSON.stringify(query);
  useEffect(
    () =>
      openLive<T>(
        path,
        JSON.parse(queryText) as Query,
        (item) => {
          if (!pausedNow.current) setValue(item);
        },
        setState,
      ),
    [path, queryText],
  );
  return { value, state };
}
