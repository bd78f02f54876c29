import Type, { type TEnum } from 'typebox';

/** A number of things. */
export const Count = Type.Integer({ minimum: 0 });
/** A size or, with a name that says so, a rate. */
export const Bytes = Type.Number({ minimum: 0, description: 'bytes' });
export const EpochMs = Type.Number({ description: 'milliseconds since the Unix epoch' });
/** A short text that a client may send. */
export const Text = Type.String({ maxLength: 4096 });

/** One of a fixed set of words. */
export function words<W extends string[]>(...values: W): TEnum<W> {
  return Type.Enum<W>(values);
}

/** The body of every failed request: a stable dotted code and a message fit for a user. */
export const ErrorBody = Type.Object({ code: Type.String(), message: Type.String() });

/** What an action without a result answers. */
export const Done = Type.Object({ ok: Type.Literal(true) });

/** How many things an action removed. */
export const Removed = Type.Object({ removed: Count });

export const PlaneName = words('control', 'route', 'inspect', 'media');

/** An address the gateway really listens on. */
export const ListenerBody = Type.Object({
  plane: PlaneName,
  name: Type.String(),
  host: Type.String(),
  port: Count,
});

/** An address ready to paste into a client; `{stream}` stands for a name of the user's choice. */
export const AddressBody = Type.Object({
  use: words('dashboard', 'proxy', 'capture', 'publish', 'play', 'api'),
  protocol: Type.String({ description: 'http, socks5, rtmp, http-flv, ws-flv, hls, …' }),
  url: Type.String(),
});

/** One second of the gateway's life. */
export const OverviewSampleBody = Type.Object({
  timeMs: EpochMs,
  uptimeSeconds: Type.Number(),
  memory: Type.Object({ rssBytes: Bytes, heapUsedBytes: Bytes, heapTotalBytes: Bytes, externalBytes: Bytes }),
  traffic: Type.Object({
    upBytesPerSecond: Bytes,
    downBytesPerSecond: Bytes,
    upTotalBytes: Bytes,
    downTotalBytes: Bytes,
  }),
  counts: Type.Object({
    connections: Count,
    exchanges: Count,
    streams: Count,
    viewers: Count,
    sessions: Count,
  }),
});

export const EngineBody = Type.Object({
  name: Type.String(),
  active: Type.Boolean({ description: 'false while the portable fallback does the work' }),
  detail: Type.String(),
});

export const CaBody = Type.Object({
  subject: Type.String(),
  path: Type.String(),
  sha256: Type.String(),
  notBeforeMs: EpochMs,
  notAfterMs: EpochMs,
});

export const OverviewBody = Type.Object({
  version: Type.String(),
  startedMs: EpochMs,
  mode: words('rule', 'global', 'direct'),
  dataDir: Type.String(),
  listeners: Type.Array(ListenerBody),
  addresses: Type.Array(AddressBody),
  ca: CaBody,
  engines: Type.Array(EngineBody),
  sample: OverviewSampleBody,
});

export const OverviewHistoryBody = Type.Object({ samples: Type.Array(OverviewSampleBody) });

export const ConnectionBody = Type.Object({
  id: Type.String(),
  network: words('tcp', 'udp'),
  inbound: Type.String({ description: 'inbound type, for example Socks5' }),
  inboundName: Type.String(),
  source: Type.String({ description: 'host:port of the client' }),
  host: Type.String({ description: 'destination domain, empty when the client named an IP' }),
  destinationIp: Type.String(),
  destinationPort: Count,
  remote: Type.String({ description: 'what the outbound really connected to' }),
  uploadBytes: Bytes,
  downloadBytes: Bytes,
  uploadBytesPerSecond: Bytes,
  downloadBytesPerSecond: Bytes,
  startMs: EpochMs,
  chain: Type.Array(Type.String(), { description: 'outbound names, outermost group first' }),
  rule: Type.String(),
  rulePayload: Type.String(),
  inspected: Type.Boolean(),
  providers: Type.Array(Type.String(), {
    description: 'proxy provider of each element of `chain`, empty for none',
  }),
  user: Type.String({ description: 'name with which the client logged in' }),
  process: Type.String({ description: 'name of the client program on this machine, empty when unknown' }),
  processPath: Type.String(),
  uid: Type.Integer({ minimum: 0, description: 'owner of that program, 0 when unknown' }),
  sniffedHost: Type.String({ description: 'name found in the first bytes' }),
  dnsMode: words('normal', 'fake-ip', 'redir-host', 'hosts'),
  dscp: Count,
  sourceGeo: Type.Array(Type.String()),
  destinationGeo: Type.Array(Type.String()),
  sourceAsn: Type.String(),
  destinationAsn: Type.String(),
});

export const ConnectionsBody = Type.Object({
  timeMs: EpochMs,
  total: Count,
  connections: Type.Array(ConnectionBody, { description: 'newest first, at most the row limit' }),
});

export const ExchangeBody = Type.Object({
  id: Type.String(),
  sequence: Count,
  method: Type.String(),
  url: Type.String(),
  host: Type.String(),
  scheme: words('http', 'https'),
  status: Type.Integer({ description: '0 when no response arrived' }),
  contentType: Type.String(),
  requestBytes: Bytes,
  responseBytes: Bytes,
  durationMs: Type.Number(),
  startedMs: EpochMs,
  clientIp: Type.String(),
  error: Type.String(),
  ruleId: Type.String(),
  flowId: Type.String(),
});

export const ExchangesBody = Type.Object({
  total: Count,
  exchanges: Type.Array(ExchangeBody, { description: 'newest first' }),
  nextBefore: Type.Union([Count, Type.Null()], { description: 'pass as `before` to get older exchanges' }),
});

export const ExchangeBatchBody = Type.Object({
  total: Count,
  exchanges: Type.Array(ExchangeBody, { description: 'newest first' }),
  skipped: Type.Boolean({ description: 'true when exchanges were left out: read the list again' }),
});

export const TimingBody = Type.Object({
  startedMs: EpochMs,
  requestEndMs: Type.Optional(EpochMs),
  connectedMs: Type.Optional(EpochMs),
  responseStartMs: Type.Optional(EpochMs),
  endedMs: Type.Optional(EpochMs),
});

const Message = {
  httpVersion: Type.String(),
  headers: Type.Array(Type.Tuple([Type.String(), Type.String()]), { description: 'wire order and case' }),
  bodyText: Type.Union([Type.String(), Type.Null()]),
  bodyEncoding: words('utf8', 'base64'),
  bodySizeBytes: Bytes,
  bodyTruncated: Type.Boolean(),
};

const ResponseMessage = {
  ...Message,
  status: Type.Integer(),
  statusText: Type.String(),
  error: Type.String(),
};

export const ExchangeDetailBody = Type.Object({
  summary: ExchangeBody,
  request: Type.Object({
    ...Message,
    method: Type.String(),
    url: Type.String(),
    route: Type.Array(Type.String(), { description: 'outbound names, outermost group first' }),
    captureType: Type.String(),
  }),
  timing: TimingBody,
  response: Type.Union([Type.Object(ResponseMessage), Type.Null()]),
  modified: Type.Union([
    Type.Object({ ...ResponseMessage, ruleId: Type.String(), ruleName: Type.String() }),
    Type.Null(),
  ]),
});

const RuleFields = {
  name: Type.String({ maxLength: 200 }),
  host: Type.String({ maxLength: 500 }),
  pathRegex: Type.String({ maxLength: 2000 }),
  method: Type.String({ maxLength: 32 }),
  enabled: Type.Boolean(),
  responseBody: Type.Union([Type.String({ maxLength: 8_000_000 }), Type.Null()]),
  responseStatus: Type.Integer({ minimum: 0, maximum: 999 }),
  responseHeaders: Type.Record(Type.String(), Type.String({ maxLength: 16_384 })),
};

export const ResponseRuleBody = Type.Object({
  id: Type.String(),
  ...RuleFields,
  createdAtMs: EpochMs,
  updatedAtMs: EpochMs,
});
export const ResponseRulesBody = Type.Object({ rules: Type.Array(ResponseRuleBody) });
export const ResponseRuleInputBody = Type.Partial(Type.Object(RuleFields));

export const TrackBody = Type.Object({
  kind: words('video', 'audio'),
  codec: Type.String(),
  ready: Type.Boolean(),
  frames: Count,
  width: Type.Optional(Type.Number()),
  height: Type.Optional(Type.Number()),
  fps: Type.Optional(Type.Number()),
  gopSize: Type.Optional(Type.Number()),
  gopIntervalMs: Type.Optional(Type.Number()),
  sampleRate: Type.Optional(Type.Number()),
  channels: Type.Optional(Type.Number()),
});

export const StreamBody = Type.Object({
  vhost: Type.String(),
  app: Type.String(),
  stream: Type.String(),
  createdMs: EpochMs,
  aliveSeconds: Type.Number(),
  bytesPerSecond: Bytes,
  totalBytes: Bytes,
  viewers: Count,
  origin: Type.Object({ type: Type.String(), url: Type.String(), peer: Type.String() }),
  recording: Type.Boolean({ description: 'to a file; the segments that HLS needs anyway do not count' }),
  schemas: Type.Array(Type.Object({ schema: Type.String(), viewers: Count, bytesPerSecond: Bytes })),
  tracks: Type.Array(TrackBody),
  play: Type.Array(AddressBody),
  /** Path of HTTP-FLV on the control listener, for the player in the page. */
  flvPath: Type.String(),
});
export const StreamsBody = Type.Object({ timeMs: EpochMs, total: Count, streams: Type.Array(StreamBody) });

export const SessionBody = Type.Object({
  id: Type.String(),
  protocol: Type.String(),
  transport: words('tcp', 'udp'),
  role: words('publisher', 'player', 'control'),
  stream: Type.String(),
  peer: Type.String(),
  local: Type.String(),
  startedMs: EpochMs,
  bytesIn: Bytes,
  bytesOut: Bytes,
  skips: Count,
});
export const SessionsBody = Type.Object({ timeMs: EpochMs, total: Count, sessions: Type.Array(SessionBody) });

export const ClosedStreamsBody = Type.Object({ matched: Count, closed: Count });

export const LogBody = Type.Object({
  timeMs: EpochMs,
  level: words('debug', 'info', 'warning', 'error'),
  scope: Type.String(),
  message: Type.String(),
  fields: Type.Record(Type.String(), Type.Unknown()),
});
export const LogsBody = Type.Object({ entries: Type.Array(LogBody, { description: 'oldest first' }) });

export const LogLevelName = words('debug', 'info', 'warning', 'error', 'silent');
export const RouteModeName = words('rule', 'global', 'direct');

export const SettingsBody = Type.Object({
  mode: RouteModeName,
  logLevel: LogLevelName,
  allowLan: Type.Boolean(),
  bindAddress: Type.String(),
  ports: Type.Object({ http: Count, socks: Count, mixed: Count }),
});
export const SettingsPatchBody = Type.Partial(Type.Object({ mode: RouteModeName, logLevel: LogLevelName }));

const DelaySampleBody = Type.Object({
  timeMs: EpochMs,
  delayMs: Type.Number({ description: '0 means failed' }),
});

export const OutboundBody = Type.Object({
  name: Type.String(),
  type: Type.String(),
  udp: Type.Boolean(),
  alive: Type.Boolean(),
  history: Type.Array(DelaySampleBody),
  urls: Type.Record(
    Type.String(),
    Type.Object({ alive: Type.Boolean(), history: Type.Array(DelaySampleBody) }),
    { description: 'delays towards each other URL it is tested with' },
  ),
  providerName: Type.String({ description: 'the proxy provider it comes from, empty for none' }),
  dialerProxy: Type.String({ description: 'the outbound it dials through, empty for none' }),
  interfaceName: Type.String(),
  unavailable: Type.String({ description: 'why it can carry nothing, empty when it can' }),
  group: Type.Union([
    Type.Object({
      members: Type.Array(Type.String()),
      selected: Type.String({ description: 'empty for groups that choose for every connection' }),
      fixed: Type.Union([Type.String(), Type.Null()], {
        description: 'member chosen by hand, empty for none; null for groups that cannot be fixed',
      }),
      testUrl: Type.String(),
      expectedStatus: Type.String(),
      emptyFallback: Type.String({ description: 'what is used while the group has no members' }),
      hidden: Type.Boolean(),
      icon: Type.String(),
    }),
    Type.Null(),
  ]),
});
export const OutboundsBody = Type.Object({ outbounds: Type.Array(OutboundBody) });
export const SelectionBody = Type.Object({ member: Text });
export const DelayTestBody = Type.Partial(
  Type.Object({ url: Text, timeoutMs: Type.Integer({ minimum: 1, maximum: 60_000 }), expectedStatus: Text }),
);
export const DelayResultBody = Type.Object({
  /** Milliseconds by outbound name; members that did not answer are absent. */
  delaysMs: Type.Record(Type.String(), Type.Number()),
});

export const RuleBody = Type.Object({
  index: Count,
  type: Type.String(),
  payload: Type.String(),
  target: Type.String(),
  size: Type.Integer({ description: 'entries of a GEOIP or GEOSITE rule, -1 for others' }),
  inspect: Type.Boolean(),
  disabled: Type.Boolean(),
  hitCount: Count,
  hitAtMs: Type.Number({ description: 'milliseconds since the Unix epoch, 0 for never' }),
  missCount: Count,
  missAtMs: Type.Number({ description: 'milliseconds since the Unix epoch, 0 for never' }),
});
export const RulesBody = Type.Object({
  total: Type.Integer({ minimum: 0, description: 'all rules, whatever the filter' }),
  rules: Type.Array(RuleBody),
});
export const RulePatchBody = Type.Object({ disabled: Type.Boolean() });

export const CaFormatName = words('pem', 'der', 'p12');
