import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { errorText, GatewayError } from '@sluice/base/errors';
import type { ReportIssue } from '@sluice/core/config/issue';
import type { RawProxy } from '../config/proxy-schema.ts';
import type { HealthCheckOptions } from '../health/health-check.ts';
import { formatIntRanges, parseIntRanges } from '../rule/int-ranges.ts';
import type { SetBehavior } from '../rule-set/entry-set.ts';
import { compileNodePattern, compileNodePatterns, replacementText } from './node-pattern.ts';
import type {
  ContentSource,
  NodeOverride,
  NodeSelection,
  ProxyProviderConfig,
  RuleProviderConfig,
  RuleSetFormat,
} from './provider-config.ts';
import type { RawOverride, RawProxyProvider, RawRuleProvider } from './provider-schema.ts';
import type { SafePaths } from './safe-paths.ts';

const DEFAULT_CHECK_INTERVAL_SECONDS = 300;
const DEFAULT_TIMEOUT_MS = 5_000;
const MAX_STATUS = 65_535;
const RESERVED_NAME = 'default';

const BEHAVIORS: readonly SetBehavior[] = ['domain', 'ipcidr', 'classical'];
const FORMATS: readonly RuleSetFormat[] = ['yaml', 'text', 'mrs'];

/** Checks `proxy-providers`; entries in error are reported and left out. */
export function resolveProxyProviders(
  providers: Readonly<Record<string, RawProxyProvider>>,
  paths: SafePaths,
  report: ReportIssue,
): ProxyProviderConfig[] {
  return Object.entries(providers).flatMap(([name, raw]) => {
    const path = ['proxy-providers', name];
    if (name === RESERVED_NAME) {
      report('error', path, 'can not defined a provider called `default`');
      return [];
    }
    try {
      const source = sourceOf(raw, 'proxies', 'unsupport', paths);
      warnOfMissing(source, raw, path, report);
      return [
        {
          name,
          source,
          payload: raw.payload ?? [],
          selection: selectionOf(raw),
          healthCheck: healthCheckOf(raw['health-check'] ?? {}),
        },
      ];
    } catch (error) {
      report('error', path, `parse proxy provider ${name} error: ${errorText(error)}`);
      return [];
    }
  });
}

/** Checks `rule-providers`; entries in error are reported and left out. */
export function resolveRuleProviders(
  providers: Readonly<Record<string, RawRuleProvider>>,
  paths: SafePaths,
  report: ReportIssue,
): RuleProviderConfig[] {
  return Object.entries(providers).flatMap(([name, raw]) => {
    const path = ['rule-providers', name];
    try {
      const behavior = BEHAVIORS.find((each) => each === raw.behavior);
      if (behavior === undefined) throw invalid(`unsupported behavior type: ${raw.behavior ?? ''}`);
      const asked = raw.format ?? '';
      const format = asked === '' ? 'yaml' : FORMATS.find((each) => each === asked);
      if (format === undefined) throw invalid(`unsupported format type: ${asked}`);
      const source = sourceOf(raw, 'rules', 'unsupported', paths);
      warnOfMissing(source, raw, path, report);
      return [{ name, source, behavior, format, payload: raw.payload ?? [] }];
    } catch (error) {
      report('error', path, errorText(error));
      return [];
    }
  });
}

function sourceOf(
  raw: RawProxyProvider | RawRuleProvider,
  folder: 'proxies' | 'rules',
  refusal: 'unsupport' | 'unsupported',
  paths: SafePaths,
): ContentSource {
  const path = raw.path ?? '';
  switch (raw.type) {
    case undefined:
      throw invalid("key 'type' missing");
    case 'inline':
      return { kind: 'inline' };
    case 'file':
      if (path === '') throw invalid("key 'path' missing");
      return { kind: 'file', path: paths.resolve(path) };
    case 'http': {
      const url = raw.url ?? '';
      const digest = createHash('md5').update(url).digest('hex');
      return {
        kind: 'http',
        url,
        path: path === '' ? join(paths.homeDir, folder, digest) : paths.resolve(path),
        intervalSeconds: raw.interval ?? 0,
        outbound: raw.proxy ?? '',
        headers: lowerCaseKeys(raw.header ?? {}),
        sizeLimitBytes: raw['size-limit'] ?? 0,
      };
    }
    default:
      throw invalid(`${refusal} vehicle type: ${raw.type}`);
  }
}

/** Found out at load time by the reference kernel, so it must not stop the configuration. */
function warnOfMissing(
  source: ContentSource,
  raw: RawProxyProvider | RawRuleProvider,
  path: readonly (string | number)[],
  report: ReportIssue,
): void {
  if (source.kind === 'http' && !URL.canParse(source.url))
    report('warning', [...path, 'url'], 'a provider of type http needs the url of its content');
  if (source.kind === 'inline' && (raw.payload ?? []).length === 0)
    report('warning', path, 'a provider of type inline needs a payload');
}

function selectionOf(raw: RawProxyProvider): NodeSelection {
  return {
    filters: compileNodePatterns(raw.filter ?? ''),
    excludeFilters: compileNodePatterns(raw['exclude-filter'] ?? ''),
    excludeTypes: (raw['exclude-type'] ?? '')
      .split('|')
      .filter((type) => type !== '')
      .map((type) => type.toLowerCase()),
    override: overrideOf(raw['dialer-proxy'], raw.override ?? {}),
  };
}

function overrideOf(dialerProxy: string | undefined, raw: RawOverride): NodeOverride {
  const {
    'additional-prefix': prefix = '',
    'additional-suffix': suffix = '',
    'proxy-name': renames = [],
    ...rest
  } = raw;
  const dialer = dialerProxy === undefined || dialerProxy === '' ? {} : { 'dialer-proxy': dialerProxy };
  const keys: Partial<RawProxy> = { ...dialer, ...rest };
  return {
    keys,
    prefix,
    suffix,
    renames: renames.map(({ pattern, target }) => ({
      pattern: compileNodePattern(pattern, 'g'),
      target: replacementText(target),
    })),
  };
}

function healthCheckOf(raw: NonNullable<RawProxyProvider['health-check']>): HealthCheckOptions {
  const interval = raw.interval === undefined || raw.interval === 0 ? undefined : raw.interval;
  const timeout = raw.timeout === undefined || raw.timeout === 0 ? undefined : raw.timeout;
  return {
    url: raw.url ?? '',
    expectedStatus: formatIntRanges(parseIntRanges(raw['expected-status'] ?? '', MAX_STATUS)),
    intervalSeconds: raw.enable === true ? (interval ?? DEFAULT_CHECK_INTERVAL_SECONDS) : 0,
    timeoutMs: timeout ?? DEFAULT_TIMEOUT_MS,
    lazy: raw.lazy ?? true,
  };
}

function lowerCaseKeys(headers: Readonly<Record<string, readonly string[]>>) {
  return Object.fromEntries(Object.entries(headers).map(([name, values]) => [name.toLowerCase(), values]));
}

function invalid(message: string): GatewayError {
  return new GatewayError('invalid', 'route.provider', message);
}
