import type { RawProxy } from '../config/proxy-schema.ts';
import type { HealthCheckOptions } from '../health/health-check.ts';
import type { SetBehavior } from '../rule-set/entry-set.ts';

/** Where the content of a provider comes from; paths are absolute. */
export type ContentSource = HttpSource | FileSource | InlineSource;

export type HttpSource = {
  readonly kind: 'http';
  readonly url: string;
  /** Where the last good copy is kept. */
  readonly path: string;
  /** 0 for no periodic download. */
  readonly intervalSeconds: number;
  /** Outbound or group to download through, `''` for the rules. */
  readonly outbound: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** Longer content is cut; 0 for the built-in limit, beyond which it is refused. */
  readonly sizeLimitBytes: number;
};

export type FileSource = { readonly kind: 'file'; readonly path: string };
export type InlineSource = { readonly kind: 'inline' };

/** What is changed on every node of a provider. */
export type NodeOverride = {
  /** Keys that are set as they are. */
  readonly keys: Partial<RawProxy>;
  readonly prefix: string;
  readonly suffix: string;
  /** Applied to the name one after the other; `target` is a JavaScript replacement text. */
  readonly renames: readonly { readonly pattern: RegExp; readonly target: string }[];
};

/** Which nodes of a provider are taken, and how. */
export type NodeSelection = {
  /** One pass over the nodes for each, in this order; [] for one pass that takes all. */
  readonly filters: readonly RegExp[];
  readonly excludeFilters: readonly RegExp[];
  /** Lower-case configuration types. */
  readonly excludeTypes: readonly string[];
  readonly override: NodeOverride;
};

/** A checked entry of `proxy-providers`. */
export type ProxyProviderConfig = {
  readonly name: string;
  readonly source: ContentSource;
  /** The nodes of an inline provider; of others what stands in while nothing could be loaded. */
  readonly payload: readonly RawProxy[];
  readonly selection: NodeSelection;
  readonly healthCheck: HealthCheckOptions;
};

export type RuleSetFormat = 'yaml' | 'text' | 'mrs';

/** A checked entry of `rule-providers`. */
export type RuleProviderConfig = {
  readonly name: string;
  readonly source: ContentSource;
  readonly behavior: SetBehavior;
  readonly format: RuleSetFormat;
  /** The entries of an inline provider; of others what stands in while nothing could be loaded. */
  readonly payload: readonly string[];
};
