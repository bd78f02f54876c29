import type { Clock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import { followMember } from '../group/follow.ts';
import type { GroupNode, Member } from '../group/node.ts';
import { parseIntRanges, rangesInclude } from '../rule/int-ranges.ts';
import { measureDelay, type TestDial } from './delay-test.ts';

const MAX_STATUS = 65_535;
const PARALLEL_TESTS = 256;

/** What delay tests depend on. */
export type DelayTesterParts = {
  readonly clock: Clock;
  /** Whether the second request on a connection is what counts. */
  readonly unified: () => boolean;
  /** How a delay is measured. Default: over the network. */
  readonly measure?: typeof measureDelay;
};

/** Measures delays through outbounds and groups and writes them down in their health. */
export class DelayTester {
  readonly #clock: Clock;
  readonly #unified: () => boolean;
  readonly #measure: typeof measureDelay;

  constructor({ clock, unified, measure = measureDelay }: DelayTesterParts) {
    this.#clock = clock;
    this.#unified = unified;
    this.#measure = measure;
  }

  /**
   * Milliseconds (at least 1) from dial start to response head, through a group's present member. The outcome is
   * recorded, also for a URL that is none; an unexpected status is no failure here, but marks the URL dead. A test that
   * `cancel` ended is not recorded.
   * @throws GatewayError kind `timeout` or `unavailable`; `route.ranges` (invalid) for a malformed `expectedStatus`
   */
  async testMember(
    member: Member,
    url: string,
    timeoutMs: number,
    expectedStatus: string,
    cancel?: AbortSignal,
  ): Promise<number> {
    const expected = parseIntRanges(expectedStatus, MAX_STATUS);
    const timeMs = this.#clock.now();
    const dial = dialThrough(member);
    try {
      const unified = this.#unified();
      const { delayMs, status } = await this.#measure(url, timeoutMs, unified, this.#clock, dial, cancel);
      member.health.record(url, timeMs, delayMs, rangesInclude(expected, status));
      return delayMs;
    } catch (error) {
      if (cancel?.aborted !== true) member.health.record(url, timeMs, undefined, false);
      throw error;
    }
  }

  /**
   * Delays of the members that answered, all tested under one deadline. A url-test group uses its own URL.
   * @throws GatewayError `route.delay-timeout` when none answered; `route.ranges` for a malformed `expectedStatus`
   */
  async testMembers(
    group: GroupNode,
    url: string,
    timeoutMs: number,
    expectedStatus: string,
    cancel?: AbortSignal,
  ): Promise<ReadonlyMap<string, number>> {
    parseIntRanges(expectedStatus, MAX_STATUS);
    const testUrl = group.type === 'URLTest' ? group.config.testUrl : url;
    const deadlineMs = this.#clock.monotonicMs() + timeoutMs;
    const delays = new Map<string, number>();
    const waiting = new Set(group.members()).values();
    const work = async () => {
      for (const member of waiting) {
        const leftMs = deadlineMs - this.#clock.monotonicMs();
        if (leftMs <= 0 || cancel?.aborted === true) return;
        const [result] = await Promise.allSettled([
          this.testMember(member, testUrl, leftMs, expectedStatus, cancel),
        ]);
        if (result.status === 'fulfilled') delays.set(member.name, result.value);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL_TESTS }, work));
    if (delays.size > 0) return delays;
    throw new GatewayError('timeout', 'route.delay-timeout', 'get delay: all proxies timeout');
  }
}

function dialThrough(member: Member): TestDial {
  return async (target, signal) => {
    const trail = followMember(member);
    if (trail === undefined) {
      throw new GatewayError('conflict', 'route.group-loop', `${member.name} leads to no outbound`);
    }
    return (await trail.leaf.dialTcp({ target, source: undefined, signal })).stream;
  };
}
