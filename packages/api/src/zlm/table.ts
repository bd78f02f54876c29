import type { HttpConnectionView } from '@sluice/core/http/dialect';
import type { ParameterDoc } from '../openapi.ts';
import type { Envelope } from './envelope.ts';
import type { Parameters } from './parameters.ts';

/** A call as a row sees it. */
export type ZlmCall = {
  readonly parameters: Parameters;
  /** The connection that carries the call. */
  readonly connection: HttpConnectionView | undefined;
  /** Runs `task` once the reply has left. */
  afterReply(task: () => void): void;
};

/** One row of the dialect's table; any of GET, POST, PUT and DELETE reaches it. */
export type ZlmRow = {
  /** Full path in the product's spelling; matched in any case. */
  readonly path: string;
  readonly summary: string;
  readonly parameters: Readonly<Record<string, ParameterDoc>>;
  /** Required parameters exactly as the product lists them when one is missing, for example `"app","stream"`. */
  readonly required?: string;
  readonly answer: (call: ZlmCall) => Envelope | Promise<Envelope>;
};

/** The reply when a required parameter is absent or empty; undefined when all are there. */
export function missingParameters(row: ZlmRow, parameters: Parameters): string | undefined {
  if (row.required === undefined) return undefined;
  const names = [...row.required.matchAll(/"([^"]+)"/g)].map((match) => match[1] ?? '');
  return names.some((name) => parameters.get(name) === '')
    ? `Required parameter missed: ${row.required}`
    : undefined;
}
