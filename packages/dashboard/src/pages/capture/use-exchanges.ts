import type { Exchange, ExchangeBatch, Exchanges } from '@sluice/api/native/types';
import { useCallback, useEffect, useRef, useState } from 'react';
import { call } from '../../api/client.ts';
import { openLive } from '../../api/live.ts';
import { reportRefusal } from '../../ui/action.ts';

const PAGE = 200;

/** Rows kept in the page; older ones are read again when wanted. */
const KEPT_EXCHANGES = 2000;

type List = {
  readonly filter: string;
  readonly rows: readonly Exchange[];
  readonly total: number;
  readonly nextBefore: number | null;
  readonly loaded: boolean;
};

const NONE: List = { filter: '', rows: [], total: 0, nextBefore: null, loaded: false };

/** The live list, newest first: a page from the store, then what is stored from now on. */
export function useExchanges(filter: string, paused: boolean) {
  const [list, setList] = useState<List>(NONE);
  const reading = useRef(false);
  const wanted = useRef(filter);
  wanted.current = filter;

  const read = useCallback(
    async (merge: (page: Exchanges, rows: readonly Exchange[]) => readonly Exchange[]) => {
      try {
        const page = await call<Exchanges>('GET', '/exchanges', { query: { limit: PAGE, filter } });
        // An answer for a filter that has changed meanwhile is of no use.
        if (wanted.current !== filter) return;
        const { total, nextBefore } = page;
        setList((now) => ({
          filter,
          rows: merge(page, now.filter === filter ? now.rows : []),
          total,
          nextBefore,
          loaded: true,
        }));
      } catch (error) {
        reportRefusal(error);
      }
    },
    [filter],
  );
  const reload = useCallback(() => read((page) => page.exchanges), [read]);

  useEffect(() => {
    if (paused) return undefined;
    const onBatch = (batch: ExchangeBatch) => {
      if (batch.skipped) void read(withNewer);
      else setList((now) => withNewest(now.filter === filter ? now : { ...NONE, filter }, batch));
    };
    return openLive<ExchangeBatch>('/exchanges/stream', { filter }, onBatch, (state) => {
      if (state === 'open') void read(withNewer);
    });
  }, [filter, paused, read]);

  const loadOlder = useCallback(async () => {
    const before = list.nextBefore;
    if (reading.current || before === null || list.rows.length >= KEPT_EXCHANGES) return;
    reading.current = true;
    try {
      const page = await call<Exchanges>('GET', '/exchanges', { query: { limit: PAGE, before, filter } });
      setList((now) => (now.nextBefore === before && now.filter === filter ? withOlder(now, page) : now));
    } catch (error) {
      reportRefusal(error);
    } finally {
      reading.current = false;
    }
  }, [list.nextBefore, list.rows.length, filter]);

  return { ...list, reload, loadOlder };
}

/** The page, below what the stream brought while it was on its way. */
function withNewer(page: Exchanges, rows: readonly Exchange[]): readonly Exchange[] {
  const newest = page.exchanges[0]?.sequence ?? 0;
  return [...rows.filter((row) => row.sequence > newest), ...page.exchanges].slice(0, KEPT_EXCHANGES);
}

function withOlder(list: List, page: Exchanges): List {
  return {
    ...list,
    rows: [...list.rows, ...page.exchanges].slice(0, KEPT_EXCHANGES),
    nextBefore: page.nextBefore,
  };
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
