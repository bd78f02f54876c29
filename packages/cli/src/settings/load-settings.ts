import { statSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { isLoopbackHost, parseEndpoint } from '@sluice/base/address';
import { errorText } from '@sluice/base/errors';
import { decodeConfig } from '@sluice/core/config/decode';
import { applyEnvironment } from '@sluice/core/config/environment';
import type { ConfigIssue, ReportIssue } from '@sluice/core/config/issue';
import { type ConfigNode, childNode, emptyNode, nodeToPlain, withNodeAt } from '@sluice/core/config/node';
import { type ParsedConfig, parseYamlConfig } from '@sluice/core/config/yaml';
import { checkInspect } from '@sluice/inspect/config';
import { checkMedia } from '@sluice/media/config';
import { checkRoute, reportShadowedRules } from '@sluice/route/config/check-route';
import {
  isGatewayDocument,
  kernelFileWarnings,
  wrapKernelDocument,
  wrapMediaDocument,
} from './kernel-file.ts';
import { readConfigFile } from './read-file.ts';
import { type GatewaySettings, gatewaySchema } from './schema.ts';

/** Where settings come from; later members win over the files. */
export type SettingsSource = {
  /** A `sluice.yaml`, a bare kernel file or a media server's `config.ini`; absent means all defaults. */
  readonly file?: string;
  /** The text of a whole file instead of its path. */
  readonly text?: string;
  /** The file was named the way kernel launchers do, which refuse an empty one. */
  readonly kernel?: boolean;
  /** GeoIP rules read `GeoIP.dat` where the configuration does not say. */
  readonly geodataMode?: boolean;
  /** YAML text of the `route` section that takes the place of the file's. */
  readonly routeText?: string;
  /** A file that does the same when it is a bare kernel file; a `sluice.yaml` takes the place of everything. */
  readonly routeFile?: string;
  /** Folder that relative paths and the data folder start from when it is not the file's own. */
  readonly home?: string;
  /** Values given on the command line, by path. */
  readonly overrides?: readonly {
    readonly path: readonly string[];
    readonly value: string;
    readonly option: string;
  }[];
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Look for what is allowed but cannot be meant, such as rules that no flow gets to. */
  readonly lint?: boolean;
};

/** Settings ready to use: every path absolute. `settings` is absent when an issue is an error. */
export type LoadedSettings = {
  readonly settings: GatewaySettings | undefined;
  /** Absolute paths of everything that was read. */
  readonly files: readonly string[];
  readonly issues: readonly ConfigIssue[];
  /** Whether it is a bare kernel file, whose user may not know of anything else that listens. */
  readonly isKernelFile: boolean;
};

/** What findings in a configuration that came as a text name as their file. */
const STRING_NAME = 'configuration string';

/** Reads, decodes and checks the whole configuration; every finding carries its file, line and column. */
export function loadSettings(source: SettingsSource): LoadedSettings {
  const issues: ConfigIssue[] = [];
  const files = source.file === undefined || source.file === '-' ? [] : [resolve(source.file)];
  const base = resolve(
    source.home ?? (source.file === undefined || source.file === '-' ? '.' : dirname(source.file)),
  );
  const root = readRoot(source, issues);
  const { isKernelFile } = root;
  let { node } = root;
  node = includeSection(node, 'route', base, issues, files);
  node = includeSection(node, 'media', base, issues, files);
  const replacement = replacementOf(source);
  if (replacement !== undefined) {
    issues.push(...replacement.issues);
    node = isGatewayDocument(replacement.node)
      ? replacement.node
      : withKernelDocument(node, replacement.node);
  }
  const environment = applyEnvironment(gatewaySchema, node, source.environment ?? {});
  issues.push(...environment.issues);
  node = environment.node;
  for (const override of source.overrides ?? []) {
    const place = { file: `option ${override.option}`, line: 1, column: 1 };
    node = withNodeAt(node, override.path, {
      kind: 'scalar',
      value: override.value,
      text: override.value,
      place,
    });
  }
  node = withGeodataMode(node, source);
  const decoded = decodeConfig<GatewaySettings>(gatewaySchema, node);
  issues.push(...decoded.issues);
  if (hasErrors(issues)) return { settings: undefined, issues, files, isKernelFile };

  const settings = withAbsolutePaths(decoded.value, base);
  decoded.issues.length = 0;
  checkControl(settings, decoded.report);
  checkControllers(settings, decoded.report);
  checkRoute(settings.route, base, within('route', decoded.report));
  if (source.lint === true) reportShadowedRules(settings.route, within('route', decoded.report));
  checkInspect(settings.inspect, within('inspect', decoded.report));
  checkMedia(settings.media, within('media', decoded.report));
  issues.push(...decoded.issues);
  return { settings: hasErrors(issues) ? undefined : settings, issues, files, isKernelFile };
}

function hasErrors(issues: readonly ConfigIssue[]): boolean {
  return issues.some((issue) => issue.severity === 'error');
}

function readRoot(
  source: SettingsSource,
  issues: ConfigIssue[],
): { readonly node: ConfigNode; readonly isKernelFile: boolean } {
  const own = (node: ConfigNode) => ({ node, isKernelFile: false });
  const parsed =
    source.text === undefined ? readSourceFile(source) : parseYamlConfig(source.text, STRING_NAME);
  if (parsed === undefined) return own(emptyNode('built-in defaults'));
  issues.push(...parsed.issues);
  if (source.file?.toLowerCase().endsWith('.ini') === true) return own(wrapMediaDocument(parsed.node));
  const isEmpty = parsed.node.kind === 'map' && parsed.node.entries.length === 0;
  if (isEmpty || isGatewayDocument(parsed.node)) return own(parsed.node);
  const secretGiven =
    source.overrides?.some((override) => override.path.join('.') === 'control.secret') === true;
  if (!secretGiven) issues.push(...kernelFileWarnings(parsed.node));
  return { node: wrapKernelDocument(parsed.node), isKernelFile: true };
}

function readSourceFile({ file, kernel }: SettingsSource): ParsedConfig | undefined {
  if (file === undefined) return undefined;
  const parsed = readConfigFile(file);
  if (kernel !== true || file === '-' || hasErrors(parsed.issues) || statSync(file).size > 0) return parsed;
  const message = `configuration file ${file} is empty`;
  return { ...parsed, issues: [{ severity: 'error', file, line: 1, column: 1, path: [], message }] };
}

function withGeodataMode(root: ConfigNode, { geodataMode }: SettingsSource): ConfigNode {
  const route = childNode(root, 'route');
  if (geodataMode !== true || (route !== undefined && childNode(route, 'geodata-mode') !== undefined))
    return root;
  const place = { file: 'option -m', line: 1, column: 1 };
  return withNodeAt(root, ['route', 'geodata-mode'], { kind: 'scalar', value: true, text: 'true', place });
}

/** `route: {config: ./clash.yaml}` takes the section from that file; keys written beside `config` win over the file's. */
function includeSection(
  root: ConfigNode,
  section: string,
  base: string,
  issues: ConfigIssue[],
  files: string[],
): ConfigNode {
  const node = childNode(root, section);
  const include = node === undefined ? undefined : childNode(node, 'config');
  if (node?.kind !== 'map' || include === undefined) return root;
  const file = resolve(base, String(nodeToPlain(include)));
  files.push(file);
  const parsed = readConfigFile(file);
  issues.push(...parsed.issues);
  const own = node.entries.filter((entry) => entry.key !== 'config');
  const written = new Set(own.map((entry) => entry.key));
  const included =
    parsed.node.kind === 'map' ? parsed.node.entries.filter((entry) => !written.has(entry.key)) : [];
  return withNodeAt(root, [section], { kind: 'map', place: node.place, entries: [...own, ...included] });
}

function replacementOf({ routeText, routeFile }: SettingsSource): ParsedConfig | undefined {
  if (routeText !== undefined) return parseYamlConfig(routeText, 'payload');
  return routeFile === undefined ? undefined : readConfigFile(routeFile);
}

/** The document with another kernel file in place of its own; its control section cannot change while it runs. */
function withKernelDocument(root: ConfigNode, kernel: ConfigNode): ConfigNode {
  const level = childNode(kernel, 'log-level');
  const routed = withNodeAt(root, ['route'], kernel);
  return level === undefined ? routed : withNodeAt(routed, ['log', 'level'], level);
}

function within(section: string, report: ReportIssue): ReportIssue {
  return (severity, path, message, detail) => report(severity, [section, ...path], message, detail);
}

function withAbsolutePaths(settings: GatewaySettings, base: string): GatewaySettings {
  const absolute = (path: string): string => (path === '' || isAbsolute(path) ? path : resolve(base, path));
  return {
    ...settings,
    'data-dir': absolute(settings['data-dir']),
    control: { ...settings.control, ui: absolute(settings.control.ui) },
  };
}

/** The kernel lets controllers without a secret listen everywhere; ours then stay on loopback. */
function checkControllers({ control, route }: GatewaySettings, report: ReportIssue): void {
  for (const key of ['external-controller', 'external-controller-tls'] as const) {
    const address = route[key];
    if (address === '') continue;
    try {
      const { host, port } = parseEndpoint(address);
      // The controller of a bare kernel file is the control listener itself.
      const isOwn = control.listen !== '' && port === parseEndpoint(control.listen).port;
      if (control.secret !== '' || isLoopbackHost(host) || isOwn) continue;
      const message = `${address} without control.secret would be open to the network: listening on 127.0.0.1:${port} only`;
      report('warning', ['route', key], message);
    } catch (error) {
      report('error', ['route', key], errorText(error), { expected: 'host:port', found: address });
    }
  }
}

/** The control and capture APIs can do everything, so they may leave loopback only behind a secret. */
function checkControl(settings: GatewaySettings, report: ReportIssue): void {
  const listeners = [
    { path: ['control', 'listen'], address: settings.control.listen },
    { path: ['inspect', 'admin'], address: settings.inspect.admin },
  ];
  for (const { path, address } of listeners) {
    if (address === '') continue;
    try {
      const { host } = parseEndpoint(address);
      if (settings.control.secret === '' && !isLoopbackHost(host)) {
        report(
          'error',
          path,
          `${path.join('.')}: ${address} can be reached from other machines, so control.secret must be set`,
          {
            expected: 'a loopback address, or control.secret set',
            found: address,
          },
        );
      }
    } catch (error) {
      report('error', path, `${path.join('.')}: ${errorText(error)}`, {
        expected: 'host:port',
        found: address,
      });
    }
  }
}
