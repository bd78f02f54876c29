import { isIP } from 'node:net';
import { formatEndpoint, unmapIp } from '@sluice/base/address';
import type { Clock } from '@sluice/base/clock';
import { ProtocolError } from '@sluice/base/errors';
import { InitialReader, looksLikeInitial } from '@sluice/codec/quic-initial/initial-reader';
import { clientHelloWants, looksLikeTls, parseClientHello } from '@sluice/codec/tls-hello/client-hello';
import type { Logger } from '@sluice/core/log/logger';
import type { FlowMetadata } from '@sluice/core/ports/flow';
import { rangesInclude } from '../rule/int-ranges.ts';
import { FailureMemory } from './failure-memory.ts';
import { httpHost } from './http-host.ts';
import type { Sniffed, Sniffer, StreamVerdict } from './sniffer.ts';
import type { SnifferConfig, SniffRule } from './sniffer-config.ts';

const NONE: StreamVerdict = { kind: 'none' };
const MAX_NAME_LENGTH = 253;

/** Looks for names where the `sniffer` section says so. */
export class ConfiguredSniffer implements Sniffer {
  readonly #config: SnifferConfig;
  readonly #log: Logger;
  readonly #failures: FailureMemory;
  /** Sessions whose first datagram held only a part of the hello. */
  readonly #partial = new WeakMap<FlowMetadata, InitialReader>();

  constructor(config: SnifferConfig, parts: { readonly clock: Clock; readonly log: Logger }) {
    this.#config = config;
    this.#log = parts.log;
    this.#failures = new FailureMemory(parts.clock);
  }

  wantsStream(flow: FlowMetadata): boolean {
    if (!this.#isWanted(flow) || this.#streamRules(flow).length === 0) return false;
    return !this.#failures.isHopeless(destinationOf(flow)) || this.#isForced(flow);
  }

  readStream(flow: FlowMetadata, first: Uint8Array): StreamVerdict {
    const verdict = this.#read(first, this.#streamRules(flow));
    if (verdict.kind === 'none') this.#failures.fail(destinationOf(flow));
    if (verdict.kind !== 'found') return verdict;
    if (this.#config.skipDomain(verdict.sniffed.host)) return NONE;
    this.#failures.succeed(destinationOf(flow));
    return verdict;
  }

  timedOut(flow: FlowMetadata): void {
    const destination = destinationOf(flow);
    this.#failures.fail(destination);
    this.#log.debug(
      `[Sniffer] [${flow.destinationIp}] [${destination}] may not have any sent data, Consider adding skip`,
    );
  }

  readDatagram(flow: FlowMetadata, data: Uint8Array): Sniffed | undefined {
    const rule = this.#config.rules.find((each) => each.protocol === 'quic' && covers(each, flow));
    const partial = this.#partial.get(flow);
    if (rule === undefined || !looksLikeInitial(data)) return undefined;
    if (partial === undefined && !this.#isWanted(flow)) return undefined;
    const reader = partial ?? new InitialReader();
    this.#partial.delete(flow);
    try {
      const hello = reader.push(data);
      if (hello === undefined) this.#partial.set(flow, reader);
      const host = nameIn(hello?.sni);
      return host === undefined ? undefined : { host, override: rule.override };
    } catch (error) {
      if (error instanceof ProtocolError) return undefined;
      throw error;
    }
  }

  awaitsDatagram(flow: FlowMetadata): boolean {
    return this.#partial.has(flow);
  }

  #isWanted(flow: FlowMetadata): boolean {
    const { enabled, parsePureIp, forceDnsMapping, skipSource, skipDestination } = this.#config;
    if (!enabled) return false;
    if (flow.destinationIp !== '' && skipDestination(flow.destinationIp)) return false;
    if (flow.sourceIp !== '' && skipSource(flow.sourceIp)) return false;
    return (
      (flow.host === '' && parsePureIp) ||
      (flow.dnsMode === 'redir-host' && forceDnsMapping) ||
      this.#isForced(flow)
    );
  }

  #isForced(flow: FlowMetadata): boolean {
    return flow.host !== '' && this.#config.forceDomain(flow.host);
  }

  #streamRules(flow: FlowMetadata): readonly SniffRule[] {
    return this.#config.rules.filter((rule) => rule.protocol !== 'quic' && covers(rule, flow));
  }

  #read(first: Uint8Array, rules: readonly SniffRule[]): StreamVerdict {
    for (const { protocol, override } of rules) {
      const read = protocol === 'tls' ? readTls(first) : nameIn(httpHost(first));
      if (typeof read === 'number') return { kind: 'more', totalBytes: read };
      if (read !== undefined) return { kind: 'found', sniffed: { host: read, override } };
    }
    return NONE;
  }
}

function covers(rule: SniffRule, flow: FlowMetadata): boolean {
  return rangesInclude(rule.ports, flow.destinationPort);
}

/** The server name, or how many bytes there must be to know it. */
function readTls(first: Uint8Array): string | number | undefined {
  if (!looksLikeTls(first)) return undefined;
  try {
    const hello = parseClientHello(first);
    return hello === undefined ? clientHelloWants(first) : nameIn(hello.sni);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** A usable name in lower case: addresses are no success, nor is anything that could not be a host name. */
function nameIn(text: string | undefined): string | undefined {
  if (text === undefined || text.length > MAX_NAME_LENGTH || !/^[!-~]+$/.test(text)) return undefined;
  if (text.endsWith('.') || /[[\]/@:]/.test(text) || isIP(unmapIp(text)) !== 0) return undefined;
  return text.toLowerCase();
}

function destinationOf(flow: FlowMetadata): string {
  return formatEndpoint(flow.destinationIp === '' ? flow.host : flow.destinationIp, flow.destinationPort);
}
