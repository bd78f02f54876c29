/**
 * A long-lived part of the gateway. `start` resolves when it is ready to serve; `stop` releases everything it holds and
 * resolves at the latest when `deadline` aborts. Both are called at most once.
 */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  stop(deadline: AbortSignal): Promise<void>;
}
