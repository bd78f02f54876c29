import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { GatewayError } from '@sluice/base/errors';
import { listenHost, type MediaConfig } from '../config.ts';
import { PROTECTED_SETTINGS, SETTING_KEYS } from './keys.ts';

/** A value set at run time, and the configured text it replaced: a later edit of the configuration wins over it. */
type Override = { readonly value: string; readonly over: string };

/** Secrets that are public knowledge and so are replaced by a random one. */
const WELL_KNOWN_SECRETS = new Set(['', '035c73f7-bb6b-4889-a715-d9eb2d1925cc']);
const MAX_VALUE_CHARS = 8192;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f]/;
const CHARACTER_SET = /^[\w.:+-]+$/;

/** The flat `section.key` → text view of the configuration, with changes made at run time kept in one file. */
export class MediaSettings {
  readonly #path: string;
  readonly #overrides = new Map<string, Override>();
  #base: ReadonlyMap<string, string>;
  #values = new Map<string, string>();
  readonly #listeners = new Set<(changed: ReadonlySet<string>) => void>();

  /** Reads `path` when it exists. @throws GatewayError `media.settings` when it is damaged */
  constructor(config: MediaConfig, path: string) {
    this.#path = path;
    this.#base = flattenConfig(config);
    for (const [key, override] of readOverrides(path)) this.#overrides.set(key, override);
    this.#resolve();
    if (WELL_KNOWN_SECRETS.has(this.text('api.secret'))) this.#override('api.secret', randomSecret());
  }

  /** Every setting, in file order. */
  get values(): ReadonlyMap<string, string> {
    return this.#values;
  }

  text(key: string): string {
    return this.#values.get(key) ?? SETTING_KEYS.get(key)?.default ?? '';
  }

  /** The leading number of the text, or the default's when there is none. */
  number(key: string): number {
    const value = Number.parseFloat(this.text(key));
    return Number.isFinite(value) ? value : Number.parseFloat(SETTING_KEYS.get(key)?.default ?? '0');
  }

  flag(key: string): boolean {
    const text = this.text(key).trim().toLowerCase();
    return text === 'true' || (Number.parseFloat(text) || 0) !== 0;
  }

  /** What content types name as their character set; a configured text that would break the header counts for nothing. */
  get charSet(): string {
    const text = this.text('http.charSet');
    return CHARACTER_SET.test(text) ? text : 'utf-8';
  }

  /** Calls `listener` with the names of the settings that changed; returns the way to stop. */
  onChange(listener: (changed: ReadonlySet<string>) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Sets known, unprotected keys to values of one line and keeps them; returns how many values changed. */
  set(values: ReadonlyMap<string, string>): number {
    const changed = new Set<string>();
    for (const [key, value] of values) {
      if (!this.#values.has(key) || PROTECTED_SETTINGS.has(key)) continue;
      if (value.length > MAX_VALUE_CHARS || CONTROL_CHARACTER.test(value)) continue;
      if (this.#values.get(key) === value) continue;
      this.#overrides.set(key, { value, over: this.#base.get(key) ?? '' });
      changed.add(key);
    }
    if (changed.size > 0) {
      this.#resolve();
      this.#save();
      this.#announce(changed);
    }
    return changed.size;
  }

  /** Takes a newly loaded configuration; returns the names of the settings whose value changed. */
  reconfigure(config: MediaConfig): ReadonlySet<string> {
    const before = this.#values;
    this.#base = flattenConfig(config);
    this.#resolve();
    if (WELL_KNOWN_SECRETS.has(this.text('api.secret'))) this.#override('api.secret', randomSecret());
    const changed = new Set<string>();
    for (const [key, value] of this.#values) if (before.get(key) !== value) changed.add(key);
    if (changed.size > 0) this.#announce(changed);
    return changed;
  }

  #override(key: string, value: string): void {
    this.#overrides.set(key, { value, over: this.#base.get(key) ?? '' });
    this.#resolve();
    this.#save();
  }

  #resolve(): void {
    const values = new Map(this.#base);
    for (const [key, override] of this.#overrides) {
      if (values.get(key) === override.over) values.set(key, override.value);
    }
    this.#values = values;
  }

  #announce(changed: ReadonlySet<string>): void {
    for (const listener of this.#listeners) listener(changed);
  }

  #save(): void {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const temporary = `${this.#path}.new`;
    writeFileSync(temporary, `${JSON.stringify(Object.fromEntries(this.#overrides), undefined, 2)}\n`, {
      mode: 0o600,
    });
    renameSync(temporary, this.#path);
  }
}

function randomSecret(): string {
  return randomBytes(24).toString('base64url');
}

/** Known defaults overlaid with the configuration; numbers and switches become the text a client expects. */
function flattenConfig(config: MediaConfig): Map<string, string> {
  const values = new Map<string, string>();
  for (const [key, setting] of SETTING_KEYS) values.set(key, setting.default);
  for (const [name, section] of Object.entries(config)) {
    if (typeof section !== 'object') continue;
    for (const [key, value] of Object.entries(section)) {
      values.set(`${name}.${key}`, typeof value === 'boolean' ? (value ? '1' : '0') : String(value));
    }
  }
  values.set('general.listen_ip', listenHost(config));
  return values;
}

function readOverrides(path: string): Map<string, Override> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw new GatewayError('unavailable', 'media.settings', `cannot read ${path}`, { cause: error });
  }
  try {
    const overrides = new Map<string, Override>();
    for (const [key, entry] of Object.entries(JSON.parse(text) as Record<string, unknown>)) {
      if (isOverride(entry)) overrides.set(key, entry);
    }
    return overrides;
  } catch (error) {
    throw new GatewayError('invalid', 'media.settings', `${path} is damaged; remove it to start afresh`, {
      cause: error,
    });
  }
}

function isOverride(entry: unknown): entry is Override {
  if (typeof entry !== 'object' || entry === null) return false;
  const { value, over } = entry as Partial<Override>;
  return typeof value === 'string' && typeof over === 'string';
}
