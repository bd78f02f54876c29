import { type ErrorKind, errorText, GatewayError } from '@sluice/base/errors';

/** Operations that one thread asks of another: name → arguments and result, both structured-cloneable. */
export type WorkerOperations = Readonly<Record<string, { readonly args: unknown; readonly result: unknown }>>;

/** Implementations of operations, as the serving thread has them. */
export type WorkerHandlers<O extends WorkerOperations> = {
  readonly [K in keyof O]: (args: O[K]['args']) => O[K]['result'] | Promise<O[K]['result']>;
};

export type WorkerCall = { readonly call: number; readonly operation: string; readonly args: unknown };

export type CallFailure = { readonly kind: ErrorKind; readonly code: string; readonly message: string };

export type WorkerAnswer =
  | { readonly call: number; readonly result: unknown }
  | { readonly call: number; readonly failure: CallFailure };

/** What crosses the thread border of an error. */
export function toFailure(error: unknown): CallFailure {
  if (error instanceof GatewayError) return { kind: error.kind, code: error.code, message: error.message };
  return { kind: 'internal', code: 'inspect.store', message: errorText(error) };
}

type CallPort = {
  on(event: 'message', listener: (message: unknown) => void): unknown;
  postMessage(message: unknown): void;
};

/** Serves calls that arrive on `port` until it is closed; a handler's error goes back to the caller. */
export function serveCalls<O extends WorkerOperations>(port: CallPort, handlers: WorkerHandlers<O>): void {
  port.on('message', (message) => {
    void answerCall(message as WorkerCall, handlers).then((answer) => port.postMessage(answer));
  });
}

async function answerCall<O extends WorkerOperations>(
  call: WorkerCall,
  handlers: WorkerHandlers<O>,
): Promise<WorkerAnswer> {
  try {
    const handler = handlers[call.operation];
    if (handler === undefined)
      throw new GatewayError('internal', 'inspect.store', `no operation ${call.operation}`);
    return { call: call.call, result: await handler(call.args) };
  } catch (error) {
    return { call: call.call, failure: toFailure(error) };
  }
}
