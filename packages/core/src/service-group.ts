import { errorText } from '@sluice/base/errors';
import type { Logger } from './log/logger.ts';
import type { Service } from './service.ts';

/**
 * Starts services in order and stops them in reverse. When one fails to start that is not dispensable, those already started
 * are stopped and the failure is thrown.
 */
export class ServiceGroup {
  readonly #log: Logger;
  readonly #services: readonly Service[];
  readonly #isDispensable: (service: Service) => boolean;
  #started: Service[] = [];

  constructor(
    log: Logger,
    services: readonly Service[],
    isDispensable: (service: Service) => boolean = () => false,
  ) {
    this.#log = log;
    this.#isDispensable = isDispensable;
    this.#services = services;
  }

  async start(): Promise<void> {
    for (const service of this.#services) {
      try {
        await service.start();
      } catch (error) {
        if (!this.#isDispensable(service)) {
          await this.stop(AbortSignal.timeout(2_000));
          throw error;
        }
        this.#log.error(`${service.name} is not available: ${errorText(error)}`);
      }
      this.#started.push(service);
    }
  }

  /** Stops what was started; a service that fails or outlives the deadline is logged and left behind. */
  async stop(deadline: AbortSignal): Promise<void> {
    const running = this.#started.reverse();
    this.#started = [];
    for (const service of running) {
      try {
        await Promise.race([service.stop(deadline), aborted(deadline)]);
      } catch (error) {
        this.#log.warning(`stopping ${service.name} failed: ${errorText(error)}`);
      }
    }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const fail = (): void => reject(new Error('it did not stop in time'));
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}
