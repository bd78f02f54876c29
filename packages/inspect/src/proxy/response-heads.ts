import { ProtocolError } from '@sluice/base/errors';
import { type BodyFraming, responseFraming } from '@sluice/codec/http1/framing';
import { parseResponseHead, type ResponseHead } from '@sluice/codec/http1/head';
import { HeadBuffer } from '@sluice/codec/http1/head-buffer';

/** More than any server has reason to send; without a limit they would pile up before a client that does not read. */
const MAX_INTERIM_RESPONSES = 64;

/** A final head, or that of a switch of protocols (101), with the bytes after it. */
export type FinalHead = { readonly head: ResponseHead; readonly framing: BodyFraming; readonly rest: Buffer };

/** Reads what comes before the body of a response: interim responses (RFC 9110 §15.2) and the final head. */
export class ResponseHeads {
  readonly #heads = new HeadBuffer();
  readonly #method: string;
  readonly #onInterim: (head: ResponseHead) => void;
  #interimResponses = 0;

  /** `method` is the request's. */
  constructor(method: string, onInterim: (head: ResponseHead) => void) {
    this.#method = method;
    this.#onInterim = onInterim;
  }

  /** True until the first byte of a head has arrived. */
  get empty(): boolean {
    return this.#heads.empty && this.#interimResponses === 0;
  }

  /**
   * The final head, `undefined` when it is not there yet.
   * @throws ProtocolError `too-many-interim-responses` and those of `parseResponseHead` and `responseFraming`
   */
  push(chunk: Buffer): FinalHead | undefined {
    let rest = chunk;
    for (;;) {
      const found = this.#heads.push(rest);
      if (found === undefined) return undefined;
      const head = parseResponseHead(found.head);
      const framing = responseFraming(head, this.#method);
      rest = found.rest;
      if (head.status >= 200 || head.status === 101) return { head, framing, rest };
      if (++this.#interimResponses > MAX_INTERIM_RESPONSES) {
        throw new ProtocolError('too-many-interim-responses', 0);
      }
      this.#onInterim(head);
      if (rest.length === 0) return undefined;
    }
  }
}
