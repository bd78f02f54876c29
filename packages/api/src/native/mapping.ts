import { formatEndpoint } from '@sluice/base/address';
import type { LogEntry } from '@sluice/core/log/logger';
import type { SocketInfo } from '@sluice/core/ports/media';
import type { InspectControl, ModifiedResponseRecord, ResponseRecord, WithBody } from '@sluice/inspect/port';
import type { MediaSessionView, MediaSourceView, TrackView } from '@sluice/media/port';
import type { ConnectionView, OutboundView, RouteSettings, RuleView } from '@sluice/route/port';
import { flvPathOf, playAddressesOf } from './addresses.ts';
import type {
  Address,
  Connection,
  ExchangeDetail,
  LogLine,
  Outbound,
  Rule,
  Session,
  Settings,
  Stream,
  Track,
} from './types.ts';

export function connectionOf(view: ConnectionView): Connection {
  const { metadata } = view;
  return {
    id: view.id,
    network: metadata.network,
    inbound: metadata.type,
    inboundName: metadata.inboundName,
    source: formatEndpoint(metadata.sourceIp, metadata.sourcePort),
    host: metadata.host,
    destinationIp: metadata.destinationIp,
    destinationPort: metadata.destinationPort,
    remote: metadata.remoteDestination,
    uploadBytes: view.upload,
    downloadBytes: view.download,
    uploadBytesPerSecond: view.uploadPerSecond,
    downloadBytesPerSecond: view.downloadPerSecond,
    startMs: view.startMs,
    chain: view.chains.toReversed(),
    rule: view.rule,
    rulePayload: view.rulePayload,
    inspected: view.inspected,
    providers: view.providerChains.toReversed(),
    user: metadata.inboundUser,
    process: metadata.process,
    processPath: metadata.processPath,
    uid: metadata.uid,
    sniffedHost: metadata.sniffHost,
    dnsMode: metadata.dnsMode,
    dscp: metadata.dscp,
    sourceGeo: metadata.sourceGeoIp ?? [],
    destinationGeo: metadata.destinationGeoIp ?? [],
    sourceAsn: metadata.sourceIpAsn,
    destinationAsn: metadata.destinationIpAsn,
  };
}

export function outboundOf(view: OutboundView): Outbound {
  const { group } = view;
  return {
    name: view.name,
    type: view.type,
    udp: view.udp,
    alive: view.alive,
    history: view.history,
    urls: view.extra,
    providerName: view.providerName,
    dialerProxy: view.dialerProxy,
    interfaceName: view.interfaceName,
    unavailable: view.unavailable ?? '',
    group:
      group === undefined
        ? null
        : {
            members: group.all,
            selected: group.now ?? '',
            fixed: group.fixed ?? null,
            testUrl: group.testUrl,
            expectedStatus: group.expectedStatus,
            emptyFallback: group.emptyFallback,
            hidden: group.hidden,
            icon: group.icon,
          },
  };
}

export function ruleOf(view: RuleView): Rule {
  const { proxy, ...rest } = view;
  return { ...rest, target: proxy };
}

export function settingsOf(settings: RouteSettings, logLevel: Settings['logLevel']): Settings {
  return {
    mode: settings.mode,
    logLevel,
    allowLan: settings.allowLan,
    bindAddress: settings.bindAddress,
    ports: { http: settings.port, socks: settings.socksPort, mixed: settings.mixedPort },
  };
}

type Detail = NonNullable<Awaited<ReturnType<InspectControl['exchange']>>>;

export function exchangeDetailOf({ summary, request, response, modified }: Detail): ExchangeDetail {
  return {
    summary,
    request: {
      ...messageOf(request),
      method: request.method,
      url: request.url,
      route: request.route.toReversed(),
      captureType: request.captureType,
    },
    timing: response?.timing ?? request.timing,
    response: response === undefined ? null : responseOf(response),
    modified:
      modified === undefined
        ? null
        : { ...responseOf(modified), ruleId: modified.ruleId, ruleName: modified.ruleName },
  };
}

type AnyMessage = Pick<
  WithBody<ResponseRecord>,
  'httpVersion' | 'headers' | 'bodyText' | 'bodyEncoding' | 'body'
>;

function messageOf(record: AnyMessage) {
  return {
    httpVersion: record.httpVersion,
    headers: record.headers,
    bodyText: record.bodyText,
    bodyEncoding: record.bodyEncoding,
    bodySizeBytes: record.body.sizeBytes,
    bodyTruncated: record.body.truncated,
  };
}

function responseOf(record: WithBody<ResponseRecord> | WithBody<ModifiedResponseRecord>) {
  return {
    ...messageOf(record),
    status: record.status,
    statusText: record.statusText,
    error: record.error,
  };
}

/** Groups sources (one per schema) into streams, newest first. */
export function streamsOf(sources: readonly MediaSourceView[], addresses: readonly Address[]): Stream[] {
  const groups = new Map<string, MediaSourceView[]>();
  for (const source of sources) {
    const key = JSON.stringify([source.vhost, source.app, source.stream]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [source]);
    else group.push(source);
  }
  return [...groups.values()]
    .map((group) => streamOf(group, addresses))
    .sort((a, b) => b.createdMs - a.createdMs || a.stream.localeCompare(b.stream));
}

function streamOf(group: readonly MediaSourceView[], addresses: readonly Address[]): Stream {
  const first = group[0];
  if (first === undefined) throw new RangeError('a stream has at least one source');
  return {
    vhost: first.vhost,
    app: first.app,
    stream: first.stream,
    createdMs: Math.min(...group.map((source) => source.createdMs)),
    aliveSeconds: Math.max(...group.map((source) => source.aliveSeconds)),
    bytesPerSecond: Math.max(...group.map((source) => source.bytesPerSecond)),
    totalBytes: Math.max(...group.map((source) => source.totalBytes)),
    viewers: Math.max(...group.map((source) => source.totalReaderCount)),
    origin: {
      type: first.originTypeName,
      url: first.originUrl,
      peer: first.originSocket === undefined ? '' : peerOf(first.originSocket),
    },
    recording: group.some((source) => source.recordingMp4),
    schemas: group.map((source) => ({
      schema: source.schema,
      viewers: source.readerCount,
      bytesPerSecond: source.bytesPerSecond,
    })),
    tracks: first.tracks.map(trackOf),
    play: playAddressesOf(addresses, first.app, first.stream),
    flvPath: flvPathOf(first.app, first.stream),
  };
}

function trackOf(view: TrackView): Track {
  const {
    codecId: _id,
    codecName,
    durationMs: _duration,
    keyFrames: _keyFrames,
    sampleBits: _bits,
    ...rest
  } = view;
  return { ...rest, codec: codecName };
}

/** A media session; `protocol` is the compatible class name without its decoration. */
export function sessionOf(view: MediaSessionView): Session {
  return {
    id: view.id,
    protocol: view.typeId.replace(/^.*::/, '').replace(/Session$/, ''),
    transport: view.transport,
    role: view.role,
    stream: view.stream,
    peer: peerOf(view),
    local: formatEndpoint(view.localIp, view.localPort),
    startedMs: view.startedMs,
    bytesIn: view.bytesIn,
    bytesOut: view.bytesOut,
    skips: view.skips,
  };
}

function peerOf(socket: SocketInfo): string {
  return formatEndpoint(socket.peerIp, socket.peerPort);
}

export function logLineOf(entry: LogEntry): LogLine {
  return entry;
}
