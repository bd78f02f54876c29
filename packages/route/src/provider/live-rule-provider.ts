import type { GeoKind } from '../geo/geo-source.ts';
import type { RuleProviderView } from '../port.ts';
import type { RuleResources } from '../rule/rule-resources.ts';
import type { EntrySet, SetBehavior } from '../rule-set/entry-set.ts';
import { type EntryContent, loadEntrySetAsync } from '../rule-set/load-entry-set.ts';
import { vehicleTypeOf } from './live-proxy-provider.ts';
import type { RuleProvider } from './provider.ts';
import type { RuleProviderConfig } from './provider-config.ts';
import { type ContentParts, ProviderContent } from './provider-content.ts';

/** What rule providers are built with. */
export type RuleProviderParts = ContentParts & {
  readonly resources: RuleResources;
  /** Makes the geo databases present that entries read. */
  readonly ensureGeo: (kinds: ReadonlySet<GeoKind>) => Promise<void>;
  /** Called after every change of a provider's entries. */
  readonly onChange: (provider: string) => void;
};

const BEHAVIORS = { domain: 'Domain', ipcidr: 'IPCIDR', classical: 'Classical' } as const;
const FORMATS = { yaml: 'YamlRule', text: 'TextRule', mrs: 'MrsRule' } as const;

/** A rule provider of the configuration. */
export class LiveRuleProvider implements RuleProvider {
  readonly name: string;
  readonly behavior: SetBehavior;
  readonly #config: RuleProviderConfig;
  readonly #parts: RuleProviderParts;
  readonly #content: ProviderContent<EntrySet>;
  #entries: EntrySet | undefined;

  constructor(config: RuleProviderConfig, parts: RuleProviderParts) {
    this.name = config.name;
    this.behavior = config.behavior;
    this.#config = config;
    this.#parts = parts;
    const { name, source, payload } = config;
    const hasPayload = source.kind === 'inline' || payload.length > 0;
    this.#content = new ProviderContent(
      {
        name,
        kind: 'rule',
        source,
        parse: (content) => this.#load(content),
        accept: (entries) => {
          this.#entries = entries;
          parts.onChange(name);
        },
        ...(hasPayload ? { fallback: () => this.#load(payload) } : {}),
      },
      parts,
    );
  }

  current(): EntrySet | undefined {
    return this.#entries;
  }

  start(): Promise<void> {
    return this.#content.start();
  }

  stop(): void {
    this.#content.stop();
  }

  update(): Promise<void> {
    return this.#content.update();
  }

  view(): RuleProviderView {
    const { behavior, format, source, payload } = this.#config;
    const isInline = source.kind === 'inline';
    return {
      name: this.name,
      behavior: BEHAVIORS[behavior],
      format: isInline ? '' : FORMATS[format],
      vehicleType: vehicleTypeOf(source),
      ruleCount: this.#entries?.count ?? 0,
      updatedAtMs: this.#content.updatedAtMs,
      ...(isInline ? { payload } : {}),
      lastError: this.#content.lastError,
    };
  }

  #load(content: EntryContent): Promise<EntrySet> {
    const { behavior, format } = this.#config;
    const { resources, log, ensureGeo } = this.#parts;
    const warn = (message: string) => log.warning(`[Provider] ${this.name}: ${message}`);
    return loadEntrySetAsync(content, { behavior, format }, resources, warn, ensureGeo);
  }
}
