import Type from 'typebox';
import { Bytes, Count, EpochMs, OutboundBody, words } from './schemas.ts';

const Name = Type.String({ minLength: 1, maxLength: 512 });
const WhenOrNever = Type.Union([EpochMs, Type.Null()], {
  description: 'milliseconds since the Unix epoch, null for never',
});
const NetworkName = words('tcp', 'udp');

/** What to explain: `target`, or `host` with `port`. Whatever is not given is taken as a local program's own. */
export const ExplainBody = Type.Object({
  target: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 4096,
      description: 'a URL (https://a.test/x), host:port, or a host alone (port 443)',
    }),
  ),
  host: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
  network: Type.Optional(NetworkName),
  sourceIp: Type.Optional(
    Type.String({ maxLength: 64, description: 'IP of the client; 127.0.0.1 unless told' }),
  ),
  inboundName: Type.Optional(Name),
  inboundType: Type.Optional(words('HTTP', 'HTTPS', 'Socks4', 'Socks5', 'Tunnel', 'Redir', 'TProxy')),
  user: Type.Optional(Type.String({ maxLength: 512, description: 'name with which the client logged in' })),
  process: Type.Optional(Type.String({ maxLength: 512, description: 'name of the client program' })),
});

export const ExplainStepBody = Type.Object({
  stage: words('destination', 'hosts', 'fake-ip', 'mode', 'rule', 'dns', 'process', 'group', 'outbound'),
  outcome: words('matched', 'passed', 'resolved', 'failed', 'skipped', 'chosen'),
  text: Type.String(),
  ruleIndex: Type.Optional(Count),
});

/** What would happen to a connection now, step by step. */
export const ExplanationBody = Type.Object({
  request: Type.Object({
    host: Type.String(),
    port: Count,
    network: NetworkName,
    sourceIp: Type.String(),
    inboundName: Type.String(),
    inboundType: Type.String(),
    user: Type.String(),
    process: Type.String(),
  }),
  steps: Type.Array(ExplainStepBody),
  chain: Type.Array(Type.String(), {
    description: 'outbound names, outermost group first; empty when the connection would fail',
  }),
  rule: Type.String({ description: 'rule type, empty when no rule chose' }),
  rulePayload: Type.String(),
  destinationIp: Type.String({ description: 'empty unless it was needed to decide' }),
  inspected: Type.Boolean(),
});

export const TemporaryRuleBody = Type.Object({
  id: Type.String(),
  line: Type.String(),
  createdAtMs: EpochMs,
  expiresAtMs: EpochMs,
  hitCount: Count,
  hitAtMs: Type.Number({ description: 'milliseconds since the Unix epoch, 0 for never' }),
});
export const TemporaryRulesBody = Type.Object({
  timeMs: EpochMs,
  rules: Type.Array(TemporaryRuleBody, { description: 'in the order in which they are tried' }),
});
export const TemporaryRuleInputBody = Type.Object({
  line: Type.String({
    minLength: 1,
    maxLength: 65_536,
    description: 'as in `rules`, for example DOMAIN-SUFFIX,example.com,DIRECT',
  }),
  ttlSeconds: Type.Number({ exclusiveMinimum: 0, maximum: 31_622_400 }),
});

export const StatisticsKind = words('client', 'host', 'rule', 'outbound');
const Sums = { connections: Count, uploadBytes: Bytes, downloadBytes: Bytes };
const Period = { fromMs: EpochMs, toMs: EpochMs };
export const StatisticsTopBody = Type.Object({
  by: StatisticsKind,
  ...Period,
  rows: Type.Array(Type.Object({ key: Type.String(), ...Sums }), {
    description: 'largest first, by bytes in both directions',
  }),
});
export const StatisticsTimelineBody = Type.Object({
  ...Period,
  rows: Type.Array(Type.Object({ startMs: EpochMs, ...Sums }), {
    description: 'one an hour, oldest first; hours without traffic are left out',
  }),
});

const SubscriptionBody = Type.Object({
  uploadBytes: Bytes,
  downloadBytes: Bytes,
  totalBytes: Type.Number({ minimum: 0, description: 'bytes allowed, 0 when not told' }),
  expiresAtMs: WhenOrNever,
});

const ProxyProvider = {
  name: Type.String(),
  vehicle: words('HTTP', 'File', 'Inline', 'Compatible'),
  nodeCount: Count,
  aliveCount: Count,
  testUrl: Type.String(),
  expectedStatus: Type.String(),
  updatedAtMs: WhenOrNever,
  subscription: Type.Union([SubscriptionBody, Type.Null()]),
  lastError: Type.String({ description: 'why the last refresh failed, empty when it did not' }),
};
export const ProxyProviderBody = Type.Object(ProxyProvider);
export const ProxyProvidersBody = Type.Object({ providers: Type.Array(ProxyProviderBody) });
export const ProxyProviderDetailBody = Type.Object({ ...ProxyProvider, nodes: Type.Array(OutboundBody) });

export const RuleProviderBody = Type.Object({
  name: Type.String(),
  behavior: words('Domain', 'IPCIDR', 'Classical'),
  format: words('YamlRule', 'TextRule', 'MrsRule', ''),
  vehicle: words('HTTP', 'File', 'Inline'),
  ruleCount: Count,
  updatedAtMs: WhenOrNever,
  lastError: Type.String({ description: 'why the last refresh failed, empty when it did not' }),
});
export const RuleProvidersBody = Type.Object({ providers: Type.Array(RuleProviderBody) });

export const DnsStateBody = Type.Object({
  enabled: Type.Boolean(),
  queries: Type.Integer({ minimum: 0, description: 'since the start' }),
  cacheHits: Count,
  cacheEntries: Count,
  fakeIps: Type.Integer({ minimum: 0, description: 'addresses given out and still remembered' }),
});
export const DnsLogEntryBody = Type.Object({
  timeMs: EpochMs,
  name: Type.String(),
  type: Type.String(),
  client: Type.String({ description: 'host:port, or what inside the gateway asked' }),
  via: Type.String({ description: 'the path the answer took' }),
  server: Type.String({ description: 'the upstream that answered, empty when none was asked' }),
  status: Type.String({ description: 'RCODE name, or ERROR when no upstream answered' }),
  answers: Type.Array(Type.String()),
  durationMs: Type.Number(),
});
export const DnsLogBody = Type.Object({
  entries: Type.Array(DnsLogEntryBody, { description: 'newest first' }),
});
export const DnsQueryBody = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 255 }),
  type: Type.Optional(Type.String({ minLength: 1, maxLength: 16, description: 'A unless told' })),
});
export const DnsRecordBody = Type.Object({
  name: Type.String(),
  type: Count,
  typeName: Type.String(),
  ttlSeconds: Count,
  data: Type.String({ description: 'zone-file form' }),
});
export const DnsAnswerBody = Type.Object({
  name: Type.String(),
  type: Type.String(),
  status: Count,
  statusName: Type.String(),
  durationMs: Type.Number(),
  truncated: Type.Boolean(),
  authenticData: Type.Boolean(),
  answers: Type.Array(DnsRecordBody),
  authorities: Type.Array(DnsRecordBody),
  additionals: Type.Array(DnsRecordBody),
});

export const GeoDatabasesBody = Type.Object({
  databases: Type.Array(
    Type.Object({
      kind: words('mmdb', 'asn', 'geoip', 'geosite'),
      path: Type.String(),
      sizeBytes: Bytes,
      updatedAtMs: EpochMs,
    }),
  ),
});
