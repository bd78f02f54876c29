import type { Static, TSchema } from 'typebox';
import Type from 'typebox';
import type { ValueOf } from './types.ts';

/** One validated request as a handler sees it. */
export type NativeRequest<P, Q, B> = {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Host name by which the client reached the gateway, for addresses it can use; never empty. */
  readonly hostname: string;
};

/** Bytes offered as a file instead of a JSON value. */
export type Download = { readonly fileName: string; readonly contentType: string; readonly bytes: Buffer };

/** One row of the table of answers: validation, types and documentation come from the same schemas. */
export type NativeRoute = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/api/v1`, with `:name` parameters. */
  readonly path: string;
  readonly summary: string;
  readonly params: TSchema;
  readonly query: TSchema;
  readonly body: TSchema | undefined;
  /** `undefined` for a file. */
  readonly reply: TSchema | undefined;
  handle(request: NativeRequest<unknown, unknown, unknown>): unknown;
};

/**
 * One row of the table of live streams; values are pushed from `open` until the returned function is called;
 * a push answers false when the value was dropped because the client reads too slowly.
 */
export type NativeStream = {
  readonly path: string;
  readonly summary: string;
  readonly query: TSchema;
  readonly item: TSchema;
  open(query: unknown, push: (item: unknown) => boolean, hostname: string): () => void;
};

const Nothing = Type.Object({});
type Nothing = typeof Nothing;

type RouteInput<P extends TSchema, Q extends TSchema, B extends TSchema, R extends TSchema> = {
  readonly method: NativeRoute['method'];
  readonly path: string;
  readonly summary: string;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly reply: R;
  handle(request: NativeRequest<Static<P>, Static<Q>, Static<B>>): ValueOf<R> | Promise<ValueOf<R>>;
};

/** A row whose handler is checked against its schemas. */
export function route<
  R extends TSchema,
  P extends TSchema = Nothing,
  Q extends TSchema = Nothing,
  B extends TSchema = Nothing,
>(input: RouteInput<P, Q, B, R>): NativeRoute {
  return {
    method: input.method,
    path: input.path,
    summary: input.summary,
    params: input.params ?? Nothing,
    query: input.query ?? Nothing,
    body: input.body,
    reply: input.reply,
    handle: (request) => input.handle(request as NativeRequest<Static<P>, Static<Q>, Static<B>>),
  };
}

/** A row that answers a file. */
export function download<Q extends TSchema>(input: {
  readonly path: string;
  readonly summary: string;
  readonly query: Q;
  handle(query: Static<Q>): Download | Promise<Download>;
}): NativeRoute {
  return {
    method: 'GET',
    path: input.path,
    summary: input.summary,
    params: Nothing,
    query: input.query,
    body: undefined,
    reply: undefined,
    handle: (request) => input.handle(request.query as Static<Q>),
  };
}

/** A live row whose items are checked against its schema. */
export function stream<I extends TSchema, Q extends TSchema = Nothing>(input: {
  readonly path: string;
  readonly summary: string;
  readonly query?: Q;
  readonly item: I;
  open(query: Static<Q>, push: (item: ValueOf<I>) => boolean, hostname: string): () => void;
}): NativeStream {
  return {
    path: input.path,
    summary: input.summary,
    query: input.query ?? Nothing,
    item: input.item,
    open: (query, push, hostname) => input.open(query as Static<Q>, push, hostname),
  };
}
