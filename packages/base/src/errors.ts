/** The broad class of a failure; dialects map it to their own status codes. */
export type ErrorKind =
  | 'invalid' // the caller sent something that cannot be accepted
  | 'not-found'
  | 'conflict'
  | 'unauthorized'
  | 'forbidden'
  | 'limit' // a configured or built-in bound was reached
  | 'timeout'
  | 'unavailable' // a peer, file or feature cannot be reached now
  | 'internal';

/** An expected failure with a stable, dotted `code` (for example `route.proxy-not-found`) and a message fit for a user. */
export class GatewayError extends Error {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    kind: ErrorKind,
    code: string,
    message: string,
    options: { cause?: unknown; details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'GatewayError';
    this.kind = kind;
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** The one error a codec throws: what was wrong (`code`, kebab-case) and at which byte of the current message. */
export class ProtocolError extends Error {
  readonly code: string;
  readonly offset: number;

  constructor(code: string, offset: number, message = code) {
    super(`${message} (at byte ${offset})`);
    this.name = 'ProtocolError';
    this.code = code;
    this.offset = offset;
  }
}

/** The text of anything that was thrown, for logs and error bodies. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
