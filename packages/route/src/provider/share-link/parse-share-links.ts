import { decodeBase64Text } from './base64.ts';
import { type LinkedNode, type ShareLink, splitLink } from './link.ts';
import {
  parseAnytlsLink,
  parseHysteria2Link,
  parseHysteriaLink,
  parseMieruLinks,
  parsePlainLink,
  parseTuicLink,
} from './other-links.ts';
import { parseShadowsocksLink, parseShadowsocksRLink } from './shadowsocks-link.ts';
import { parseTrojanLink, parseVlessLink, parseVmessLink } from './v2ray-link.ts';

type ParseLink = (link: ShareLink) => LinkedNode | undefined;

const PARSERS: ReadonlyMap<string, ParseLink> = new Map([
  ['ss', parseShadowsocksLink],
  ['ssr', parseShadowsocksRLink],
  ['vmess', parseVmessLink],
  ['vless', parseVlessLink],
  ['trojan', parseTrojanLink],
  ['hysteria', parseHysteriaLink],
  ['hysteria2', parseHysteria2Link],
  ['hy2', parseHysteria2Link],
  ['tuic', parseTuicLink],
  ['anytls', parseAnytlsLink],
  ['socks', parsePlainLink],
  ['socks5', parsePlainLink],
  ['socks5h', parsePlainLink],
  ['http', parsePlainLink],
  ['https', parsePlainLink],
]);

const MAX_LINE_LENGTH = 16_384;
const MAX_NODES = 50_000;

/**
 * The nodes of a subscription: share links a line, the whole often in base64. Lines that are none are left out; a name that
 * comes again gets `-01`, `-02`, … behind it.
 */
export function parseShareLinks(content: string): readonly LinkedNode[] {
  const text = decodeBase64Text(content) ?? content;
  const nodes: LinkedNode[] = [];
  const counts = new Map<string, number>();
  for (const line of text.split('\n')) {
    for (const node of parseLine(line.trim())) {
      if (nodes.length >= MAX_NODES) return nodes;
      const count = counts.get(node.name) ?? 0;
      counts.set(node.name, count + 1);
      const suffix = count === 0 ? '' : `-${String(count).padStart(2, '0')}`;
      nodes.push({ ...node, name: `${node.name}${suffix}` });
    }
  }
  return nodes;
}

function parseLine(line: string): readonly LinkedNode[] {
  const link = line.length > MAX_LINE_LENGTH ? undefined : splitLink(line);
  if (link === undefined) return [];
  if (link.scheme === 'mierus') return parseMieruLinks(link);
  const node = PARSERS.get(link.scheme)?.(link);
  return node === undefined ? [] : [node];
}
