import { renameSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { openDatabase } from '@sluice/core/store/database';
import type { DeletionResult } from '../port.ts';
import type { StoreTotals } from './counters.ts';
import { ExchangeEraser, type RetentionLimits } from './exchange-eraser.ts';
import { ExchangeWriter } from './exchange-writer.ts';
import { MIGRATIONS } from './schema.ts';
import { serveCalls } from './worker-calls.ts';

export type WriterOptions = {
  readonly path: string;
  readonly segmentDirectory: string;
  readonly segmentBytes: number;
  readonly retention: RetentionLimits & { readonly periodMs: number };
};

/** What the writer thread does for the store. Every change answers with the totals after it. */
export type WriterOperations = {
  readonly open: {
    readonly args: undefined;
    readonly result: { readonly totals: StoreTotals; readonly setAside: string | undefined };
  };
  readonly insert: {
    readonly args: {
      readonly memory: SharedArrayBuffer;
      readonly lengthBytes: number;
      readonly count: number;
      readonly nowMs: number;
    };
    readonly result: StoreTotals;
  };
  readonly deleteRequest: { readonly args: string; readonly result: Deleted };
  readonly deleteResponse: { readonly args: string; readonly result: Deleted };
  readonly deleteHostRequests: { readonly args: string; readonly result: Deleted };
  readonly deleteHostResponses: { readonly args: string; readonly result: Deleted };
  readonly deleteAll: { readonly args: undefined; readonly result: StoreTotals };
  readonly retain: { readonly args: { readonly nowMs: number }; readonly result: StoreTotals };
  readonly close: { readonly args: undefined; readonly result: undefined };
};

type Deleted = DeletionResult & { readonly totals: StoreTotals };

if (parentPort !== null) startWriter(workerData as WriterOptions, parentPort);

function startWriter(options: WriterOptions, port: NonNullable<typeof parentPort>): void {
  let writer: ExchangeWriter | undefined;
  let eraser: ExchangeEraser | undefined;
  const needWriter = (): ExchangeWriter => {
    if (writer === undefined) throw new Error('the exchange store is not open');
    return writer;
  };
  const needEraser = (): ExchangeEraser => {
    eraser ??= new ExchangeEraser(needWriter());
    return eraser;
  };
  const deletion =
    (run: (eraser: ExchangeEraser, value: string) => Promise<DeletionResult>) => async (value: string) => {
      const deleted = await run(needEraser(), value);
      return { ...deleted, totals: needWriter().counters.read() };
    };
  serveCalls<WriterOperations>(port, {
    open() {
      const { database, setAside } = openStore(options.path);
      writer = new ExchangeWriter(database, {
        directory: options.segmentDirectory,
        segmentBytes: options.segmentBytes,
      });
      return { totals: writer.counters.read(), setAside };
    },
    insert({ memory, lengthBytes, count, nowMs }) {
      const totals = needWriter().insert(Buffer.from(memory), lengthBytes, count);
      // Under a steady load the count must not run away between two rounds of retention.
      if (totals.requests <= options.retention.maxExchanges) return totals;
      needEraser().retainOnce(options.retention, nowMs);
      return needWriter().counters.read();
    },
    deleteRequest: deletion((eraser, id) => eraser.deleteRequest(id)),
    deleteResponse: deletion((eraser, id) => eraser.deleteResponse(id)),
    deleteHostRequests: deletion((eraser, host) => eraser.deleteHostRequests(host)),
    deleteHostResponses: deletion((eraser, host) => eraser.deleteHostResponses(host)),
    async deleteAll() {
      await needEraser().deleteAll();
      return needWriter().counters.read();
    },
    async retain({ nowMs }) {
      while (needEraser().retainOnce(options.retention, nowMs))
        await new Promise((resolve) => setTimeout(resolve, SLICE_PAUSE_MS));
      return needWriter().counters.read();
    },
    close() {
      writer?.close();
      writer?.database.close();
      writer = undefined;
      eraser = undefined;
      return undefined;
    },
  });
}

const SLICE_PAUSE_MS = 5;
// SQLITE_CORRUPT and SQLITE_NOTADB.
const DAMAGED = new Set([11, 26]);

/** Opens the list database; a damaged one is moved aside and a new one begun, so that capturing goes on. */
function openStore(path: string): { readonly database: DatabaseSync; readonly setAside: string | undefined } {
  try {
    return { database: open(path), setAside: undefined };
  } catch (error) {
    const code = (error as { readonly errcode?: number }).errcode;
    if (code === undefined || !DAMAGED.has(code & 0xff)) throw error;
    const setAside = `${path}.damaged-${Date.now()}`;
    renameSync(path, setAside);
    return { database: open(path), setAside };
  }
}

function open(path: string): DatabaseSync {
  const database = openDatabase(path, MIGRATIONS);
  database.exec('PRAGMA secure_delete = FAST');
  return database;
}
