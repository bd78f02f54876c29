import type { ReportIssue } from '@sluice/core/config/issue';
import type { RouteConfig } from '../config.ts';
import type { GeoSource } from '../geo/geo-source.ts';
import { SafePaths } from '../provider/safe-paths.ts';
import { findShadowed } from '../rule/find-shadowed.ts';
import type { EntrySetSource } from '../rule-set/entry-set.ts';
import { resolveProxies } from './resolve-proxies.ts';
import { resolveParts, resolveTables } from './resolve-route.ts';

/** Stands for files that a check must not fetch: every list exists and is empty. */
const ABSENT_LIST = { size: 0, matches: () => false } as const;
const ABSENT_GEO: GeoSource = {
  datMode: false,
  countriesOf: () => [],
  asnOf: () => ({ number: '', organization: '' }),
  siteList: () => ABSENT_LIST,
  ipList: () => ABSENT_LIST,
  ipListSize: () => 0,
};

/**
 * Reports everything in a decoded `route` section that a schema cannot see, with the control API's texts. Files that it refers
 * to are not read. `homeDir` is where relative paths start.
 */
export function checkRoute(config: RouteConfig, homeDir: string, report: ReportIssue): void {
  const parts = resolveParts(config, new SafePaths(homeDir, process.env), report);
  const sets = new Map<string, EntrySetSource>(
    parts.ruleProviders.map(({ name, behavior }) => [name, { name, behavior, current: () => undefined }]),
  );
  resolveTables(config, parts, { geo: ABSENT_GEO, findSet: (name) => sets.get(name) }, report);
}

/** Reports rules that no flow can get to. */
export function reportShadowedRules(config: RouteConfig, report: ReportIssue): void {
  const proxies = resolveProxies(config.proxies, () => undefined);
  // What is refused goes on to later rules: a group may refuse UDP or lead to PASS.
  const unsure = new Set<string | undefined>([
    'PASS',
    ...config['proxy-groups'].map(({ name }) => name),
    ...proxies.filter(({ udp }) => !udp).map(({ name }) => name),
  ]);
  const isSure = (target: string) => !unsure.has(target);
  for (const { index, message } of findShadowed(config.rules ?? [], isSure)) {
    report('warning', ['rules', index], message);
  }
}
