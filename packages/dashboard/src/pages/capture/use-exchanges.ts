import type { Exchange, ExchangeBatch, Exchanges } from '@sluice/api/native/types';
import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiError, call } from '../../api/client.ts';
import { openLive } from '../../api/live.ts';

const PAGE = 200;

/** Rows kept in the page; older ones are read again when wanted. */
const KEPT_EXCHANGES = 2000;

type List = {
  readonly rows: readonly Exchange[];
  readonly total: number;
  readonly nextBefore: number | null;
  readonly loaded: boolean;
};

const NONE: List = { rows: [], total: 0, nextBefore: null, loaded: false };

/** The live list, newest first: a page from the store, then what is stored from now on. */
export function useExchanges(filter: string, paused: boolean) {
  const [list, setList] = useState<List>(NONE);
  const reading = useRef(false);

  const reload = useCallback(async () => {
    try {
      const page = await call<Exchanges>('GET', '/exchanges', { query: { limit: PAGE, filter } });
      setList({ rows: page.exchanges, total: page.total, nextBefore: page.nextBefore, loaded: true });
    } catch (error) {
      // The banner and the secret prompt tell; reconnecting reads again.
      if (!(error instanceof ApiError)) throw error;
    }
  }, [filter]);

  useEffect(() => {
    if (paused) return undefined;
    const onBatch = (batch: ExchangeBatch) => {
      if (batch.skipped) void reload();
      else setList((now) => withNewest(now, batch));
    };
    return openLive<ExchangeBatch>('/exchanges/stream', { filter }, onBatch, (state) => {
      if (state === 'open') void reload();
    });
  }, [filter, paused, reload]);

  const loadOlder = useCallback(async () => {
    const before = list.nextBefore;
    if (reading.current || before === null || list.rows.length >= KEPT_EXCHANGES) return;
    reading.current = true;
    try {
      const page = await call<Exchanges>('GET', '/exchanges', { query: { limit: PAGE, before, filter } });
      setList((now) => ({
        ...now,
        rows: [...now.rows, ...page.exchanges].slice(0, KEPT_EXCHANGES),
        nextBefore: page.nextBefore,
      }));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    } finally {
      reading.current = false;
    }
  }, [list.nextBefore, list.rows.length, filter]);

  return { ...list, reload, loadOlder };
}

function withNewest(list: List, batch: ExchangeBatch): List {
  const newest = list.rows[0]?.sequence ?? 0;
  const added = batch.exchanges.filter((exchange) => exchange.sequence > newest);
  const rows = [...added, ...list.rows];
  const kept = rows.slice(0, KEPT_EXCHANGES);
  const cut = kept.length < rows.length;
  return {
    ...list,
    rows: kept,
    total: batch.total,
    nextBefore: cut ? (kept.at(-1)?.sequence ?? null) : list.nextBefore,
  };
}
