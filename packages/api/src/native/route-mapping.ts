import type {
  DnsAnswerView,
  DnsRecordView,
  Explanation,
  ProxyProviderView,
  RuleProviderView,
  StatisticsRow,
} from '@sluice/route/port';
import { dnsTypeName, rcodeName } from './dns-names.ts';
import { outboundOf } from './mapping.ts';
import type {
  DnsAnswer,
  DnsRecord,
  ExplanationReply,
  ProxyProvider,
  ProxyProviderDetail,
  RuleProvider,
} from './types.ts';

export function explanationOf(view: Explanation): ExplanationReply {
  const { request, chains, ...rest } = view;
  return {
    ...rest,
    request: {
      host: request.host,
      port: request.port,
      network: request.network,
      sourceIp: request.sourceIp,
      inboundName: request.inboundName ?? '',
      inboundType: request.inboundType ?? '',
      user: request.inboundUser ?? '',
      process: request.process ?? '',
    },
    chain: chains.toReversed(),
  };
}

export function proxyProviderOf(view: ProxyProviderView): ProxyProvider {
  const { subscription } = view;
  return {
    name: view.name,
    vehicle: view.vehicleType,
    nodeCount: view.proxies.length,
    aliveCount: view.proxies.filter(({ alive }) => alive).length,
    testUrl: view.testUrl,
    expectedStatus: view.expectedStatus,
    updatedAtMs: view.updatedAtMs ?? null,
    subscription:
      subscription === undefined
        ? null
        : {
            uploadBytes: subscription.upload,
            downloadBytes: subscription.download,
            totalBytes: subscription.total,
            expiresAtMs: subscription.expire > 0 ? subscription.expire * 1000 : null,
          },
    lastError: view.lastError,
  };
}

export function proxyProviderDetailOf(view: ProxyProviderView): ProxyProviderDetail {
  return { ...proxyProviderOf(view), nodes: view.proxies.map(outboundOf) };
}

export function ruleProviderOf(view: RuleProviderView): RuleProvider {
  const { vehicleType, payload: _payload, updatedAtMs, ...rest } = view;
  return { ...rest, vehicle: vehicleType, updatedAtMs: updatedAtMs ?? null };
}

/** The sums of one row of statistics, without its key. */
export function sumsOf(row: StatisticsRow) {
  return { connections: row.connections, uploadBytes: row.upload, downloadBytes: row.download };
}

export function dnsAnswerOf(view: DnsAnswerView, durationMs: number): DnsAnswer {
  return {
    name: view.question.name,
    type: dnsTypeName(view.question.type),
    status: view.status,
    statusName: rcodeName(view.status),
    durationMs,
    truncated: view.truncated,
    authenticData: view.authenticData,
    answers: view.answers.map(recordOf),
    authorities: view.authorities.map(recordOf),
    additionals: view.additionals.map(recordOf),
  };
}

function recordOf(record: DnsRecordView): DnsRecord {
  const { name, type, ttl, data } = record;
  return { name, type, typeName: dnsTypeName(type), ttlSeconds: ttl, data };
}
