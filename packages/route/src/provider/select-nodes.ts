import { errorText } from '@sluice/base/errors';
import type { ProxyConfig } from '../config/proxy-config.ts';
import type { RawProxy } from '../config/proxy-schema.ts';
import { resolveProxy } from '../config/resolve-proxy.ts';
import type { NodeOverride, NodeSelection } from './provider-config.ts';
import { contentError, type WarnNode } from './proxy-list.ts';

const MAX_NAME_LENGTH = 512;

/**
 * The nodes that a provider takes from its list, changed as it says and checked; nodes in error are left out.
 * @throws GatewayError `provider.content` when none is left
 */
export function selectNodes(
  list: readonly RawProxy[],
  { filters, excludeFilters, excludeTypes, override }: NodeSelection,
  warn: WarnNode,
): readonly ProxyConfig[] {
  const taken = new Set<string>();
  const selected: ProxyConfig[] = [];
  let wanted = 0;
  const consider = (raw: RawProxy, index: number, filter: RegExp | undefined) => {
    const { name, type = '' } = raw;
    if (name === undefined || name.length > MAX_NAME_LENGTH) return;
    if (excludeTypes.includes(type.toLowerCase()) || excludeFilters.some((each) => each.test(name))) return;
    if (filter?.test(name) === false || taken.has(name)) return;
    taken.add(name);
    wanted += 1;
    try {
      selected.push(resolveProxy(overridden(raw, name, override)));
    } catch (error) {
      warn(index, errorText(error));
    }
  };
  for (const filter of filters.length === 0 ? [undefined] : filters) {
    for (const [index, raw] of list.entries()) consider(raw, index, filter);
  }
  if (selected.length > 0) return selected;
  if (wanted > 0) throw contentError('none of the proxies can be used');
  const isFiltered = filters.length + excludeFilters.length + excludeTypes.length > 0;
  throw contentError(
    isFiltered && list.length > 0
      ? "doesn't match any proxy, please check your filter"
      : "file doesn't have any proxy",
  );
}

function overridden(raw: RawProxy, name: string, { keys, prefix, suffix, renames }: NodeOverride): RawProxy {
  const fixed = `${prefix}${name}${suffix}`;
  const renamed = renames.reduce((text, { pattern, target }) => text.replace(pattern, target), fixed);
  return { ...raw, ...keys, name: renamed.slice(0, MAX_NAME_LENGTH) };
}
