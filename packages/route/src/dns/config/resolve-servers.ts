import { GatewayError } from '@sluice/base/errors';
import type { ConfigPath, ReportIssue } from '@sluice/core/config/issue';
import { parsePolicyKey } from '../policy/policy-key.ts';
import type { PolicyConfig } from '../resolver/resolver-config.ts';
import {
  isPureIp,
  parseUpstreams,
  type UpstreamConfig,
  upstreamWarning,
} from '../upstream/upstream-config.ts';
import { domainSet, geoSiteTest, type NameSources, warningAt } from './name-matchers.ts';

type RawPolicy = Readonly<Record<string, string | readonly string[]>>;

/** A list of servers; when one is in error, that is reported and the list is empty. */
export function resolveServers(
  texts: readonly string[],
  respectsRules: boolean,
  path: ConfigPath,
  report: ReportIssue,
): readonly UpstreamConfig[] {
  try {
    const servers = parseUpstreams(texts, respectsRules);
    for (const server of servers) {
      const warning = upstreamWarning(server);
      if (warning !== undefined) report('warning', path, warning);
    }
    return servers;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    report('error', path, error.message);
    return [];
  }
}

/** `default-nameserver`: at least one, and none that must be resolved itself. */
export function resolveDefaultServers(
  texts: readonly string[],
  path: ConfigPath,
  report: ReportIssue,
): readonly UpstreamConfig[] {
  if (texts.length === 0) report('error', path, 'default nameserver should have at least one nameserver');
  const servers = resolveServers(texts, false, path, report);
  if (!servers.every(isPureIp)) report('error', path, 'default nameserver should be pure IP');
  return servers;
}

/** A policy in file order; keys in error are reported and left out. */
export function resolvePolicy(
  policy: RawPolicy,
  respectsRules: boolean,
  path: ConfigPath,
  sources: NameSources,
  report: ReportIssue,
): readonly PolicyConfig[] {
  const entries: PolicyConfig[] = [];
  for (const [key, value] of Object.entries(policy)) {
    const at = [...path, key];
    const servers = resolveServers([value].flat(), respectsRules, at, report);
    try {
      const matcher = parsePolicyKey(key);
      if (matcher.kind === 'rule-set') {
        for (const name of matcher.names) domainSet(name, sources.findSet, warningAt(report, at));
      }
      if (matcher.kind === 'geosite') {
        for (const list of matcher.lists) geoSiteTest(list, sources);
      }
      entries.push({ key, matcher, servers });
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      report('error', at, error.message);
    }
  }
  return entries;
}
