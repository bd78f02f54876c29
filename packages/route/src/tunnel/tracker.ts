import { randomUUID } from 'node:crypto';
import type { Clock, Timer } from '@sluice/base/clock';
import type { Events } from '@sluice/core/events';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import type { ConnectionView, TrafficView } from '../port.ts';
import type { ClosedFlow } from '../statistics/flow-record.ts';
import { type Decision, ruleText } from './decision.ts';

/** Where bytes of a stream can be read off without seeing them; `net.Socket` is one. */
export type ByteMeter = { readonly bytesRead: number; readonly bytesWritten: number };

type Sampled = { readonly meter: ByteMeter; read: number; written: number };

/** A tracked TCP connection or UDP session; bytes are counted by whoever moves them. */
export class TrackedFlow {
  readonly id: string = randomUUID();
  readonly metadata: Readonly<FlowMetadata>;
  readonly decision: Decision;
  readonly inspected: boolean;
  readonly counted: boolean;
  readonly startMs: number;
  readonly #totals: Totals;
  readonly #close: () => void;
  readonly #meters = new Set<Sampled>();
  upload = 0;
  download = 0;
  #secondStart = { upload: 0, download: 0 };
  #rate = { upload: 0, download: 0 };

  constructor(start: FlowStart, startMs: number, totals: Totals) {
    this.metadata = start.metadata;
    this.decision = start.decision;
    this.inspected = start.inspected;
    this.counted = start.counted !== false;
    this.#close = start.close;
    this.startMs = startMs;
    this.#totals = totals;
  }

  /** Bytes that came from the client. */
  countUpload(bytes: number): void {
    this.upload += bytes;
    this.#totals.upload += bytes;
  }

  /** Bytes that went to the client. */
  countDownload(bytes: number): void {
    this.download += bytes;
    this.#totals.download += bytes;
  }

  /** Counts what passes an upstream socket from now on; the result takes the last reading. */
  observe(meter: ByteMeter): () => void {
    const sampled: Sampled = { meter, read: meter.bytesRead, written: meter.bytesWritten };
    this.#meters.add(sampled);
    return () => {
      this.#read(sampled);
      this.#meters.delete(sampled);
    };
  }

  /** Brings the counters up to date with the observed sockets. */
  sample(): void {
    for (const sampled of this.#meters) this.#read(sampled);
  }

  /** Called once a second: what was counted since the last call is the rate. */
  tick(): void {
    this.sample();
    this.#rate = {
      upload: this.upload - this.#secondStart.upload,
      download: this.download - this.#secondStart.download,
    };
    this.#secondStart = { upload: this.upload, download: this.download };
  }

  /** Ends the connection or session. */
  close(): void {
    this.#close();
  }

  view(): ConnectionView {
    this.sample();
    const { rule, chains, providerChains } = this.decision;
    return {
      id: this.id,
      metadata: this.metadata,
      upload: this.upload,
      download: this.download,
      uploadPerSecond: this.#rate.upload,
      downloadPerSecond: this.#rate.download,
      startMs: this.startMs,
      chains,
      providerChains,
      rule: rule?.type ?? '',
      rulePayload: rule?.payload ?? '',
      inspected: this.inspected,
    };
  }

  #read(sampled: Sampled): void {
    const { bytesRead, bytesWritten } = sampled.meter;
    if (bytesWritten > sampled.written) this.countUpload(bytesWritten - sampled.written);
    if (bytesRead > sampled.read) this.countDownload(bytesRead - sampled.read);
    sampled.written = Math.max(sampled.written, bytesWritten);
    sampled.read = Math.max(sampled.read, bytesRead);
  }
}

type Totals = { upload: number; download: number };

const STOP_PATIENCE_MS = 500;

/** What is known of a flow when its outbound has been opened. */
export type FlowStart = {
  readonly metadata: Readonly<FlowMetadata>;
  readonly decision: Decision;
  readonly inspected: boolean;
  /** False for the gateway's own DNS traffic, which is shown but in no total. */
  readonly counted?: boolean;
  /** Ends both sides; must lead to `Tracker.remove`. */
  readonly close: () => void;
};

/** The connection table: every established flow, its bytes and rates, and the totals since the start. */
export class Tracker {
  readonly #clock: Clock;
  readonly #events: Events;
  readonly #flows = new Map<string, TrackedFlow>();
  readonly #totals: Totals = { upload: 0, download: 0 };
  readonly #uncounted: Totals = { upload: 0, download: 0 };
  readonly #onClosed: (flow: ClosedFlow) => void;
  #secondStart: Totals = { upload: 0, download: 0 };
  #rate: Totals = { upload: 0, download: 0 };
  #ticker: Timer | undefined;
  #stopped = false;
  #emptied: (() => void) | undefined;

  /** `onClosed` gets what remains of every counted flow. */
  constructor(clock: Clock, events: Events, onClosed: (flow: ClosedFlow) => void) {
    this.#clock = clock;
    this.#events = events;
    this.#onClosed = onClosed;
  }

  get size(): number {
    return this.#flows.size;
  }

  start(): void {
    this.#ticker ??= this.#clock.every(1_000, () => this.#tick());
  }

  /** Ends all flows; resolves when they have ended, or a moment later. */
  async stop(): Promise<void> {
    this.#ticker?.cancel();
    this.#ticker = undefined;
    this.#stopped = true;
    this.closeAll();
    if (this.#flows.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#emptied = resolve;
    const timer = this.#clock.after(STOP_PATIENCE_MS, resolve);
    await promise;
    timer.cancel();
  }

  add(start: FlowStart): TrackedFlow {
    const flow = new TrackedFlow(
      start,
      this.#clock.now(),
      start.counted === false ? this.#uncounted : this.#totals,
    );
    this.#flows.set(flow.id, flow);
    this.#events.emit('flow.opened', { id: flow.id });
    // A flow that was being opened during the stop ends as soon as its owner has set it up.
    if (this.#stopped) queueMicrotask(() => flow.close());
    return flow;
  }

  remove(flow: TrackedFlow): void {
    flow.sample();
    if (!this.#flows.delete(flow.id)) return;
    if (this.#flows.size === 0) this.#emptied?.();
    this.#events.emit('flow.closed', { id: flow.id });
    if (flow.counted) this.#onClosed(closedFlow(flow, this.#clock.now()));
  }

  /** Ends every flow that goes through a proxy provider. */
  closeProvider(name: string): void {
    for (const flow of [...this.#flows.values()]) {
      if (flow.decision.providerChains.includes(name)) flow.close();
    }
  }

  close(id: string): boolean {
    const flow = this.#flows.get(id);
    flow?.close();
    return flow !== undefined;
  }

  closeAll(): void {
    for (const flow of [...this.#flows.values()]) flow.close();
  }

  views(): readonly ConnectionView[] {
    return Array.from(this.#flows.values(), (flow) => flow.view());
  }

  traffic(): TrafficView {
    for (const flow of this.#flows.values()) flow.sample();
    return {
      up: this.#rate.upload,
      down: this.#rate.download,
      upTotal: this.#totals.upload,
      downTotal: this.#totals.download,
    };
  }

  #tick(): void {
    for (const flow of this.#flows.values()) flow.tick();
    const { upload, download } = this.#totals;
    this.#rate = {
      upload: upload - this.#secondStart.upload,
      download: download - this.#secondStart.download,
    };
    this.#secondStart = { upload, download };
  }
}

function closedFlow({ metadata, decision, upload, download }: TrackedFlow, closedAtMs: number): ClosedFlow {
  return {
    closedAtMs,
    client: metadata.type === 'Inner' ? '(gateway)' : metadata.sourceIp,
    host: metadata.host === '' ? metadata.destinationIp : metadata.host,
    rule: decision.rule === undefined ? decision.why : ruleText(decision.rule),
    outbound: decision.chains[0] ?? '',
    upload,
    download,
  };
}
