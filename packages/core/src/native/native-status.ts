/** Which engine does a kind of work; `reason` says why it is not the fastest one, `''` when it is. */
export type EngineStatus = { readonly work: string; readonly engine: string; readonly reason: string };

const engines = new Map<string, EngineStatus>();

/** Records the choice of an engine; called once by whoever chooses. */
export function noteEngine(work: string, engine: string, reason: string): void {
  engines.set(work, { work, engine, reason });
}

/** The engines chosen so far. */
export function engineStatus(): readonly EngineStatus[] {
  return [...engines.values()];
}
