import { readFileSync } from 'node:fs';
import { resolve as resolvePath } from 'node:path';
import type { Clock } from '@sluice/base/clock';
import { defaultOf } from '@sluice/core/config/decode';
import type { Logger } from '@sluice/core/log/logger';
import {
  type RouteParts,
  type RouteTables,
  refuseErrors,
  resolveParts,
  resolveTables,
  resourcesOf,
} from '../config/resolve-route.ts';
import { type RouteConfig, routeConfigSchema } from '../config.ts';
import { dnsGeoNeeds } from '../dns/config/resolve-dns.ts';
import { geoKindsOf } from '../geo/geo-kinds.ts';
import type { GeoKind } from '../geo/geo-source.ts';
import type { GeoStore } from '../geo/geo-store.ts';
import { OutboundTable } from '../group/outbound-table.ts';
import type { SelectionStore } from '../group/selection-store.ts';
import type { DelayTester } from '../health/delay-tester.ts';
import type { OutboundVariants } from '../outbound/outbound-variants.ts';
import { createBuiltIns, createOutbound, type OutboundParts } from '../outbound/registry.ts';
import {
  NO_PROVIDERS,
  nextProviders,
  type ProviderSet,
  type ProviderSetParts,
} from '../provider/provider-set.ts';
import type { SafePaths } from '../provider/safe-paths.ts';
import { compileRules } from '../rule/compile-rules.ts';
import type { CompileLines } from '../rule/temporary-rules.ts';
import { type LiveSettings, settingsOf } from '../settings.ts';
import { ConfiguredSniffer } from '../sniff/configured-sniffer.ts';
import type { Sniffer } from '../sniff/sniffer.ts';
import type { RoutingTables } from '../tunnel/router.ts';

/** One configuration ready to be put in force; replaced whole. */
export type LoadedRoute = {
  readonly config: RouteConfig;
  readonly parts: RouteParts;
  readonly resolved: RouteTables;
  readonly tables: RoutingTables;
  readonly providers: ProviderSet;
  readonly sniffer: Sniffer;
  readonly settings: LiveSettings;
  /** In PEM form, trusted besides the well-known ones. */
  readonly certificates: readonly string[];
};

/** What configurations are loaded with. */
export type LoaderParts = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly paths: SafePaths;
  readonly geo: GeoStore;
  readonly selections: SelectionStore;
  readonly tester: DelayTester;
  readonly variants: OutboundVariants;
  readonly outboundParts: OutboundParts;
  readonly providerParts: ProviderSetParts;
  /** `User-Agent` of downloads where the configuration names none. */
  readonly userAgent: string;
};

/** The configuration without a line. */
export const DEFAULT_CONFIG = defaultOf<RouteConfig>(routeConfigSchema);

/** Makes configurations ready for use, with the files that they refer to; nothing changes for the one in force. */
export class RouteLoader {
  readonly #parts: LoaderParts;

  constructor(parts: LoaderParts) {
    this.#parts = parts;
  }

  /** What is in force until a configuration is: the defaults, which need no files. */
  first(): LoadedRoute {
    const parts = resolveParts(DEFAULT_CONFIG, this.#parts.paths, refuseErrors);
    return this.#compose(DEFAULT_CONFIG, parts, settingsOf(DEFAULT_CONFIG, parts, this.#parts.userAgent), {
      providers: NO_PROVIDERS,
      certificates: [],
    });
  }

  /**
   * Loads a configuration; providers that are written as in `before` are taken over, geo databases that are missing are
   * downloaded.
   * @throws GatewayError `route.config` with the control API's text, and those of geo databases
   */
  async load(config: RouteConfig, before: LoadedRoute): Promise<LoadedRoute> {
    const { paths, geo, userAgent, providerParts } = this.#parts;
    const parts = resolveParts(config, paths, refuseErrors);
    const settings = settingsOf(config, parts, userAgent);
    const certificates = this.#readCertificates(config);
    geo.configure(settings.shown.geo);
    try {
      await geo.ensure(geoKindsIn(config, settings));
      const resources = resourcesOf(parts, { geo, findSet: () => undefined });
      const checked = { proxy: parts.proxyProviders, rule: parts.ruleProviders };
      const providers = nextProviders(before.providers, config, checked, resources, providerParts);
      return this.#compose(config, parts, settings, { providers, certificates });
    } catch (error) {
      geo.configure(before.settings.shown.geo);
      throw error;
    }
  }

  /** How temporary rules are compiled against a configuration; before there is one, against nothing. */
  compileTemporary(loaded: () => LoadedRoute | undefined): CompileLines {
    return (rules, refuse) => {
      const current = loaded();
      const resources = {
        geo: this.#parts.geo,
        findSet: (name: string) => current?.providers.rule.get(name),
        fakeIpBroadcast: current?.parts.fakeIpBroadcast ?? '',
      };
      const subRules = current?.config['sub-rules'] ?? {};
      return compileRules({ rules, subRules }, current?.parts.isTarget ?? (() => true), resources, refuse);
    };
  }

  #compose(
    config: RouteConfig,
    parts: RouteParts,
    settings: LiveSettings,
    { providers, certificates }: Pick<LoadedRoute, 'providers' | 'certificates'>,
  ): LoadedRoute {
    const { clock, log, geo, selections, tester, variants, outboundParts } = this.#parts;
    const sources = { geo, findSet: (name: string) => providers.rule.get(name) };
    const resolved = resolveTables(config, parts, sources, refuseErrors);
    const storesSelection = config.profile['store-selected'];
    const outbounds = new OutboundTable({
      builtIns: createBuiltIns(outboundParts),
      outbounds: parts.proxies.map((proxy) => createOutbound(proxy, outboundParts)),
      groups: parts.groups,
      providers: [...providers.proxy.values()],
      selected: storesSelection ? selections.load() : new Map(),
      onSelected: (group, member) => {
        if (storesSelection) selections.save(group, member);
      },
      clock,
      log,
      tester,
      variants,
    });
    const tables = { outbounds, rules: resolved.rules, hosts: parts.hosts };
    const sniffer = new ConfiguredSniffer(resolved.sniffer, { clock, log });
    return { config, parts, resolved, tables, providers, sniffer, settings, certificates };
  }

  /** @throws Error when a file cannot be read */
  #readCertificates(config: RouteConfig): readonly string[] {
    const { homeDir } = this.#parts.paths;
    return config.tls['custom-certifactes'].map((entry) =>
      entry.includes('-----BEGIN') ? entry : readFileSync(resolvePath(homeDir, entry), 'utf8'),
    );
  }
}

/** The geo databases that a configuration reads. */
export function geoKindsIn(config: RouteConfig, { shown }: LiveSettings): ReadonlySet<GeoKind> {
  const { sniffer } = config;
  const needs = dnsGeoNeeds(config.dns);
  const asks = (entries: readonly string[], kind: RegExp) =>
    sniffer.enable && entries.some((entry) => kind.test(entry));
  const lines = [...(config.rules ?? []), ...Object.values(config['sub-rules']).flat()];
  return geoKindsOf(lines, {
    datMode: shown.geo.datMode,
    countries:
      needs.countries ||
      asks([...sniffer['skip-src-address'], ...sniffer['skip-dst-address']], /^\s*geoip:/i),
    sites: needs.sites || asks([...sniffer['force-domain'], ...sniffer['skip-domain']], /^\s*geosite:/i),
  });
}
