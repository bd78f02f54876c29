import type { Clock, Timer } from '@sluice/base/clock';
import { errorText, GatewayError } from '@sluice/base/errors';
import { messageRcode } from '@sluice/codec/dns/header';
import { type DnsMessage, type DnsQuery, scanMessage } from '@sluice/codec/dns/message';
import { hasAddress } from '@sluice/codec/dns/records';
import { DNS_RCODE, DNS_TYPE, rcodeName } from '@sluice/codec/dns/types';
import type { Upstream } from '../upstream/upstream.ts';

/** A response whose records could be read, and the server that sent it. */
export type Answer = { readonly message: DnsMessage; readonly server: string };

/** How long others may still find addresses once a server has said that there are none. */
const BETTER_ANSWER_MS = 1_000;

/**
 * Asks all servers at once; the first good answer wins and the others are given up. SERVFAIL and REFUSED are failures; answers
 * without an address to a question for addresses only count when nothing better comes. A fixed server answers for the whole list.
 * @throws GatewayError `dns.failed` when all fail, or the signal's reason
 */
export function askAll(
  upstreams: readonly Upstream[],
  query: DnsQuery,
  clock: Clock,
  signal: AbortSignal,
): Promise<Answer> {
  const fixed = upstreams.find((upstream) => upstream.isFixed);
  const asked = fixed === undefined ? upstreams : [fixed];
  return new Promise((resolve, reject) => new Race(asked, query, clock, signal, resolve, reject).start());
}

class Race {
  readonly #upstreams: readonly Upstream[];
  readonly #query: DnsQuery;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #losers = new AbortController();
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: unknown) => void;
  readonly #onAbort = (): void => this.#settle(this.#signal.reason);
  #left: number;
  #empty: Answer | undefined;
  #firstError: unknown;
  #timer: Timer | undefined;
  #done = false;

  constructor(
    upstreams: readonly Upstream[],
    query: DnsQuery,
    clock: Clock,
    signal: AbortSignal,
    resolve: (answer: Answer) => void,
    reject: (error: unknown) => void,
  ) {
    this.#upstreams = upstreams;
    this.#query = query;
    this.#clock = clock;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#left = upstreams.length;
  }

  start(): void {
    if (this.#upstreams.length === 0) {
      this.#settle(allFailed('no server'));
      return;
    }
    this.#signal.addEventListener('abort', this.#onAbort, { once: true });
    if (this.#signal.aborted) {
      this.#onAbort();
      return;
    }
    for (const upstream of this.#upstreams) {
      upstream.exchange(this.#query, this.#losers.signal).then(
        (bytes) => this.#judge(upstream, bytes),
        (error: unknown) => this.#fail(error),
      );
    }
  }

  #judge(upstream: Upstream, bytes: Uint8Array): void {
    if (this.#done) return;
    let message: DnsMessage;
    try {
      message = scanMessage(bytes);
    } catch (error) {
      this.#fail(error);
      return;
    }
    const rcode = messageRcode(bytes);
    const isFailure = rcode === DNS_RCODE.SERVFAIL || rcode === DNS_RCODE.REFUSED;
    if (isFailure && !upstream.isFixed) {
      this.#fail(new GatewayError('unavailable', 'dns.failed', `server failure: ${rcodeName(rcode)}`));
      return;
    }
    const answer = { message, server: upstream.text };
    if (upstream.isFixed || !this.#wantsAddress() || hasAddress(message)) {
      this.#finish(() => this.#resolve(answer));
      return;
    }
    this.#empty ??= answer;
    this.#timer ??= this.#clock.after(BETTER_ANSWER_MS, () => this.#settle(undefined));
    this.#countDown();
  }

  #wantsAddress(): boolean {
    const type = this.#query.question?.type;
    return type === DNS_TYPE.A || type === DNS_TYPE.AAAA;
  }

  #fail(error: unknown): void {
    if (this.#done) return;
    this.#firstError ??= error;
    this.#countDown();
  }

  #countDown(): void {
    if (--this.#left === 0) this.#settle(allFailed(errorText(this.#firstError)));
  }

  /** The end without a good answer. */
  #settle(error: unknown): void {
    const empty = this.#empty;
    this.#finish(() => (empty === undefined ? this.#reject(error) : this.#resolve(empty)));
  }

  #finish(report: () => void): void {
    this.#done = true;
    this.#timer?.cancel();
    this.#signal.removeEventListener('abort', this.#onAbort);
    report();
    this.#losers.abort(new GatewayError('unavailable', 'dns.lost', 'another server answered first'));
  }
}

function allFailed(firstError: string): GatewayError {
  return new GatewayError('unavailable', 'dns.failed', `all DNS requests failed, first error: ${firstError}`);
}
