import type { ConfigIssue } from '@sluice/core/config/issue';
import {
  type ConfigEntry,
  type ConfigNode,
  type ConfigPlace,
  childNode,
  nodeToPlain,
} from '@sluice/core/config/node';

const OWN_SECTIONS = new Set(['control', 'data-dir', 'watch', 'log', 'route', 'inspect', 'media']);

/** True when a document is a `sluice.yaml`, false when it is a bare file of the rule kernel. */
export function isGatewayDocument(node: ConfigNode): boolean {
  return node.kind === 'map' && node.entries.some((entry) => OWN_SECTIONS.has(entry.key));
}

/** A bare kernel file as a gateway document: it becomes `route`, and its controller keys become `control` and `log`. */
export function wrapKernelDocument(node: ConfigNode): ConfigNode {
  const text = (key: string): string => {
    const value = childNode(node, key);
    return value === undefined ? '' : String(nodeToPlain(value) ?? '');
  };
  const secret = text('secret');
  const control: ConfigEntry[] = [];
  const add = (key: string, from: string, value: string): void => {
    const place = childNode(node, from)?.place ?? node.place;
    if (value !== '') control.push({ key, keyPlace: place, node: scalar(value, place) });
  };
  add('listen', 'external-controller', controllerAddress(text('external-controller'), secret));
  add('secret', 'secret', secret);
  add('ui', 'external-ui', text('external-ui'));
  const level = childNode(node, 'log-level');
  const log: ConfigEntry[] =
    level === undefined ? [] : [{ key: 'level', keyPlace: level.place, node: level }];
  return mapping(node.place, [
    { key: 'control', keyPlace: node.place, node: mapping(node.place, control) },
    { key: 'log', keyPlace: node.place, node: mapping(node.place, log) },
    { key: 'route', keyPlace: node.place, node },
  ]);
}

/** What is changed on purpose about a bare kernel file, for its user to know. */
export function kernelFileWarnings(node: ConfigNode): ConfigIssue[] {
  const controller = childNode(node, 'external-controller');
  const address = controller === undefined ? '' : String(nodeToPlain(controller) ?? '');
  const secret = childNode(node, 'secret');
  const hasSecret = secret !== undefined && String(nodeToPlain(secret) ?? '') !== '';
  if (controller === undefined || hasSecret || controllerAddress(address, '') === address) return [];
  const message = `${address} without a secret would be open to the network: listening on ${controllerAddress(address, '')} only`;
  return [{ severity: 'warning', ...controller.place, path: ['external-controller'], message }];
}

/** A media server's INI document as a gateway document. */
export function wrapMediaDocument(node: ConfigNode): ConfigNode {
  return mapping(node.place, [{ key: 'media', keyPlace: node.place, node }]);
}

/**
 * The kernel lets a controller without a secret listen everywhere. We keep such files working, but on loopback only:
 * an open control port on a network is a gift to everybody on it.
 */
function controllerAddress(address: string, secret: string): string {
  const match = /^(.*):(\d+)$/.exec(address);
  if (match === null) return address;
  const [, host = '', port = ''] = match;
  const isWildcard = ['', '0.0.0.0', '[::]', '*'].includes(host);
  if (isWildcard) return secret === '' ? `127.0.0.1:${port}` : `0.0.0.0:${port}`;
  return address;
}

function scalar(value: string, place: ConfigPlace): ConfigNode {
  return { kind: 'scalar', value, text: value, place };
}

function mapping(place: ConfigPlace, entries: readonly ConfigEntry[]): ConfigNode {
  return { kind: 'map', place, entries };
}
