import type { Answer } from '../../test-support/http-client.ts';
import type { ClashFixture } from '../test-support.ts';

/** One request of the control API and everything its answer must be. */
export type ContractCase = {
  /** As the index of endpoints lists it, for example `PUT /proxies/{name}`. */
  readonly endpoint: string;
  /** What is special about it. */
  readonly name: string;
  /** Path and query as sent. */
  readonly path: string;
  /** When it differs from that of the endpoint. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly given?: (fixture: ClashFixture) => void;
  /** Options of the dialect that matter. */
  readonly options?: Parameters<typeof import('../test-support.ts').clashFixture>[0];
  readonly status: number;
  /** The exact body; absent means that it does not matter. */
  readonly text?: string | RegExp;
  /** The body, parsed. */
  readonly json?: unknown;
  readonly replyHeaders?: Readonly<Record<string, string | undefined>>;
  /** What the route plane was asked for, in order. */
  readonly asked?: readonly string[];
  readonly check?: (answer: Answer, fixture: ClashFixture) => void | Promise<void>;
};

export const BODY_INVALID = '{"message":"Body invalid"}\n';
export const NOT_FOUND = '{"message":"Resource not found"}\n';
export const TIMEOUT = '{"message":"Timeout"}\n';
export const DELAY_FAILED = '{"message":"An error occurred in the delay test"}\n';
export const PAGE_NOT_FOUND = '404 page not found\n';
export const OK = '{"status":"ok"}\n';
