import { Worker } from 'node:worker_threads';
import { errorText, GatewayError } from '@sluice/base/errors';
import type { CallFailure, WorkerAnswer, WorkerCall, WorkerOperations } from './worker-calls.ts';

type Waiting = { readonly resolve: (result: unknown) => void; readonly reject: (error: unknown) => void };

/** The calling side of a worker thread. A link serves one life of the thread; calls fail once it has ended. */
export class WorkerLink<O extends WorkerOperations> {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onEnd: (reason: string | undefined) => void;
  #nextCall = 0;
  #reason: string | undefined;
  #isClosing = false;
  #hasEnded = false;

  /** `onEnd` is called once when the thread has ended, with a reason unless `close` asked for it. */
  constructor(module: URL, workerData: unknown, onEnd: (reason: string | undefined) => void) {
    this.#onEnd = onEnd;
    this.#worker = new Worker(module, { workerData });
    this.#worker.on('message', (answer: WorkerAnswer) => this.#settle(answer));
    this.#worker.on('error', (error) => {
      this.#reason = errorText(error);
    });
    this.#worker.on('exit', (code) => this.#end(code));
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** @throws GatewayError of the operation, or `inspect.store-stopped` when the thread ended before answering. */
  call<K extends keyof O & string>(operation: K, args: O[K]['args']): Promise<O[K]['result']> {
    if (this.#hasEnded) return Promise.reject(this.#stopped());
    const call: WorkerCall = { call: this.#nextCall++, operation, args };
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(call.call, { resolve, reject });
      this.#worker.postMessage(call);
    });
  }

  /** Ends the thread; what it is doing is cut off. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#worker.terminate();
  }

  #settle(answer: WorkerAnswer): void {
    const waiting = this.#waiting.get(answer.call);
    this.#waiting.delete(answer.call);
    if ('failure' in answer) waiting?.reject(toError(answer.failure));
    else waiting?.resolve(answer.result);
  }

  #end(code: number): void {
    this.#hasEnded = true;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(this.#stopped());
    this.#onEnd(this.#isClosing ? undefined : (this.#reason ?? `ended with code ${code}`));
  }

  #stopped(): GatewayError {
    const reason = this.#reason === undefined ? '' : `: ${this.#reason}`;
    return new GatewayError(
      'unavailable',
      'inspect.store-stopped',
      `the exchange store's thread has stopped${reason}`,
    );
  }
}

function toError({ kind, code, message }: CallFailure): GatewayError {
  return new GatewayError(kind, code, message);
}
