import { errorText } from '@sluice/base/errors';
import type { ReportIssue } from '@sluice/core/config/issue';
import { BUILT_IN_OUTBOUNDS, type ProxyConfig } from './proxy-config.ts';
import type { RawProxy } from './proxy-schema.ts';
import { resolveProxy } from './resolve-proxy.ts';

/** Checks `proxies`; entries in error are reported and left out. */
export function resolveProxies(proxies: readonly RawProxy[], report: ReportIssue): ProxyConfig[] {
  const resolved: ProxyConfig[] = [];
  const names = new Set<string>(BUILT_IN_OUTBOUNDS);
  for (const [index, raw] of proxies.entries()) {
    const path = ['proxies', index];
    let proxy: ProxyConfig;
    try {
      proxy = resolveProxy(raw);
    } catch (error) {
      report('error', path, `proxy ${index}: ${errorText(error)}`);
      continue;
    }
    if (names.has(proxy.name)) {
      report('error', path, `proxy ${proxy.name} is the duplicate name`);
      continue;
    }
    names.add(proxy.name);
    resolved.push(proxy);
    for (const warning of warningsOf(proxy)) report('warning', path, `proxy ${proxy.name}: ${warning}`);
  }
  return resolved;
}

/** What a node's owner should know though the node loads. */
export function warningsOf(proxy: ProxyConfig): readonly string[] {
  if (proxy.type === 'unavailable') return [proxy.reason];
  return proxy.traits.smux
    ? ['smux is not served by this version; streams get connections of their own']
    : [];
}
