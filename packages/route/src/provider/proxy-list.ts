import { GatewayError } from '@sluice/base/errors';
import { decodeConfig } from '@sluice/core/config/decode';
import { type ConfigNode, childNode } from '@sluice/core/config/node';
import { parseYamlConfig } from '@sluice/core/config/yaml';
import { proxySchema, type RawProxy } from '../config/proxy-schema.ts';
import { plainNode } from './plain-node.ts';
import { parseShareLinks } from './share-link/parse-share-links.ts';

/** Told of every node that is left out, with its place in the list. */
export type WarnNode = (index: number, message: string) => void;

const MAX_NODES = 50_000;
/** Reading stops everything else meanwhile; the most nodes are half as long. */
const MAX_BYTES = 16 << 20;
const NO_MAPPING = 'yaml: expected a mapping';

/**
 * The nodes of a provider's content: a YAML or JSON mapping with a list `proxies`, or share links, in base64 or not. A
 * node with values of the wrong type is left out.
 * @throws GatewayError `provider.content` with the control API's text
 */
export function parseProxyList(content: Uint8Array, warn: WarnNode): readonly RawProxy[] {
  if (content.length > MAX_BYTES) throw contentError(`more than ${MAX_BYTES} bytes`);
  const text = new TextDecoder().decode(content);
  const nodes = isBase64(text) ? linkNodes(text, NO_MAPPING) : documentNodes(text);
  if (nodes.length > MAX_NODES) throw contentError(`more than ${MAX_NODES} proxies`);
  return nodes.flatMap((node, index) => {
    const { value, issues } = decodeConfig<RawProxy>(proxySchema, node);
    const error = issues.find(({ severity }) => severity === 'error');
    if (error === undefined) return [value];
    warn(index, `${error.path.join('.')}: ${error.message}`);
    return [];
  });
}

/** Spares the attempt to read as YAML what is base64 all over. */
function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/_=\s-]+$/.test(text);
}

function documentNodes(text: string): readonly ConfigNode[] {
  const { node, issues } = parseYamlConfig(text, '');
  const error = issues.find(({ severity }) => severity === 'error');
  if (error !== undefined) return linkNodes(text, error.message);
  if (node.kind !== 'map') return linkNodes(text, NO_MAPPING);
  const proxies = childNode(node, 'proxies');
  if (proxies === undefined || (proxies.kind === 'scalar' && proxies.value === null))
    throw contentError('file must have a `proxies` field');
  if (proxies.kind !== 'list') throw contentError("'proxies' is not a slice");
  return proxies.items;
}

function linkNodes(text: string, yamlError: string): readonly ConfigNode[] {
  const nodes = parseShareLinks(text);
  if (nodes.length > 0) return nodes.map(plainNode);
  throw contentError(`${yamlError}, convert v2ray subscribe error: format invalid`);
}

/** A refusal of a provider's content as a whole. */
export function contentError(message: string): GatewayError {
  return new GatewayError('invalid', 'provider.content', message);
}
