import { GatewayError } from '@sluice/base/errors';
import type { RuleSubject } from './rule-subject.ts';

/** A compiled condition that no index holds; the matcher asks it by itself. */
export interface Condition {
  matches(subject: RuleSubject): boolean;
  /** Whether it has to know the destination's IP; can change with the content of rule sets. */
  wantsIp(): boolean;
  /** Whether it has to know the client's process. */
  wantsProcess(): boolean;
}

/** The name that domain rules look at, `''` for flows to an address. */
export function ruleHostOf(subject: RuleSubject): string {
  return subject.sniffHost === '' ? subject.host : subject.sniffHost;
}

/** A condition on the destination's name. */
export class HostCondition implements Condition {
  readonly #test: (host: string) => boolean;

  constructor(test: (host: string) => boolean) {
    this.#test = test;
  }

  matches(subject: RuleSubject): boolean {
    return this.matchesHost(ruleHostOf(subject));
  }

  /** `host` is lower case; `''` never matches. */
  matchesHost(host: string): boolean {
    return host !== '' && this.#test(host);
  }

  wantsIp(): boolean {
    return false;
  }

  wantsProcess(): boolean {
    return false;
  }
}

/** How a condition finds out what it has to know of an address, and where the subject remembers it. */
export type IpQuestion = {
  ofSubject(subject: RuleSubject, source: boolean): boolean;
  ofIp(ip: string): boolean;
};

/** A condition on the source's or the destination's address. */
export class IpCondition implements Condition {
  readonly #question: IpQuestion;
  readonly #wantsIp: boolean;
  readonly source: boolean;

  constructor(question: IpQuestion, source: boolean, wantsIp: boolean) {
    this.#question = question;
    this.source = source;
    this.#wantsIp = wantsIp;
  }

  matches(subject: RuleSubject): boolean {
    const ip = this.source ? subject.sourceIp : subject.destinationIp;
    return ip !== '' && this.#question.ofSubject(subject, this.source);
  }

  matchesIp(ip: string): boolean {
    return this.#question.ofIp(ip);
  }

  wantsIp(): boolean {
    return this.#wantsIp;
  }

  wantsProcess(): boolean {
    return false;
  }
}

/** A condition on anything else that a flow carries from the start. */
export class FieldCondition implements Condition {
  readonly #test: (subject: RuleSubject) => boolean;
  readonly #wantsProcess: boolean;

  constructor(test: (subject: RuleSubject) => boolean, wantsProcess = false) {
    this.#test = test;
    this.#wantsProcess = wantsProcess;
  }

  matches(subject: RuleSubject): boolean {
    return this.#test(subject);
  }

  wantsIp(): boolean {
    return false;
  }

  wantsProcess(): boolean {
    return this.#wantsProcess;
  }
}

/** What `look` finds in a database, or `missing` while the database is not there: then rules on it just do not match. */
export function unlessMissing<T>(look: () => T, missing: T): T {
  try {
    return look();
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'geo.missing') return missing;
    throw error;
  }
}
