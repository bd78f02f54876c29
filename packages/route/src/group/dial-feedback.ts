import type { Clock } from '@sluice/base/clock';
import { errorText } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import type { GroupConfig } from '../config/proxy-config.ts';
import type { MemberList } from './member-list.ts';

/** Types whose failures say nothing about a member. */
const EXEMPT_TYPES: ReadonlySet<string> = new Set(['Direct', 'Compatible', 'Reject', 'RejectDrop', 'Pass']);
const REFUSED = /connection refused|ECONNREFUSED/;

/** Tests a group's members when dialing through it fails too often. */
export class DialFeedback {
  readonly #config: GroupConfig;
  readonly #members: MemberList;
  readonly #clock: Clock;
  readonly #log: Logger;
  #failures = 0;
  #firstFailureMs = 0;
  #checking = false;

  constructor(config: GroupConfig, members: MemberList, clock: Clock, log: Logger) {
    this.#config = config;
    this.#members = members;
    this.#clock = clock;
    this.#log = log;
  }

  /** One dial through a member of that type, with its error or `undefined`. */
  dialed(type: string, error: unknown): void {
    if (this.#checking) return;
    if (error === undefined) this.#failures = 0;
    else if (!EXEMPT_TYPES.has(type)) this.#failed(error);
  }

  #failed(error: unknown): void {
    if (REFUSED.test(errorText(error))) {
      this.#check();
      return;
    }
    const nowMs = this.#clock.monotonicMs();
    this.#failures += 1;
    if (this.#failures === 1) this.#firstFailureMs = nowMs;
    else if (nowMs - this.#firstFailureMs > this.#config.timeoutMs) {
      this.#failures = 0;
      return;
    }
    if (this.#failures < this.#config.maxFailedTimes) return;
    this.#log.warning(`because ${this.#config.name} failed multiple times, active health check`);
    this.#check();
  }

  #check(): void {
    this.#checking = true;
    void this.#members.check().then(() => {
      this.#checking = false;
      this.#failures = 0;
    });
  }
}
