import { join } from 'node:path';
import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import type { Clock } from '@sluice/base/clock';
import { GatewayError } from '@sluice/base/errors';
import type { Logger } from '@sluice/core/log/logger';
import { type Migration, openDatabase } from '@sluice/core/store/database';
import type { ResponseRule, ResponseRuleInput } from '../port.ts';
import type { ResponseRewrite, ResponseRewriter } from '../proxy/services.ts';
import { formatRecordId, KeySequence } from '../store/record-id.ts';
import { applyResponseRule } from './apply-rule.ts';
import { CompiledRule, ruleSubject } from './rule-matcher.ts';
import { checkRule, checkRuleId, type RuleFields } from './rule-validation.ts';

const MIGRATIONS: readonly Migration[] = [
  {
    name: 'response rules',
    sql: `
      CREATE TABLE response_rule (
        ord INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, fields TEXT NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE last_key (key INTEGER NOT NULL) STRICT;
      INSERT INTO last_key VALUES (0);
    `,
  },
];

const MAX_RULES = 10_000;
const TRIPS_TO_DISABLE = 3;
const TRIP_WINDOW_MS = 60_000;

type Entry = { readonly order: number; readonly compiled: CompiledRule; tripsMs: number[] };

/** The response rules: kept on disk in creation order, compiled in memory. Calls are synchronous; the file is small. */
export class ResponseRules implements ResponseRewriter {
  readonly #database: DatabaseSync;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #entries = new Map<string, Entry>();
  readonly #keys: KeySequence;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #remove: StatementSync;
  readonly #saveKey: StatementSync;
  #isActive = false;

  /**
   * Opens `inspect-rules.sqlite` in `dataDir`, apart from the captures so that losing those never loses rules.
   * @throws GatewayError `store.newer-schema`
   */
  constructor(dataDir: string, clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
    this.#database = openDatabase(join(dataDir, 'inspect-rules.sqlite'), MIGRATIONS);
    // A rule whose creation was answered survives even a power failure.
    this.#database.exec('PRAGMA synchronous = FULL');
    this.#insert = this.#database.prepare(
      'INSERT INTO response_rule (id, fields, created_ms, updated_ms) VALUES (?, ?, ?, ?)',
    );
    this.#update = this.#database.prepare('UPDATE response_rule SET fields = ?, updated_ms = ? WHERE id = ?');
    this.#remove = this.#database.prepare('DELETE FROM response_rule WHERE id = ?');
    this.#saveKey = this.#database.prepare('UPDATE last_key SET key = ?');
    this.#keys = new KeySequence(
      Number(this.#database.prepare('SELECT key FROM last_key').get()?.['key'] ?? 0),
    );
    for (const row of this.#database.prepare('SELECT * FROM response_rule ORDER BY ord').all()) {
      this.#set(Number(row['ord']), toRule(row));
    }
  }

  /** True when a rule is enabled. */
  get active(): boolean {
    return this.#isActive;
  }

  /** In creation order. */
  list(): readonly ResponseRule[] {
    return [...this.#entries.values()].map(({ compiled }) => compiled.rule);
  }

  get(id: string): ResponseRule | undefined {
    return this.#entries.get(id)?.compiled.rule;
  }

  /** @throws GatewayError `inspect.rule-incomplete`, `inspect.rule-regex`, `inspect.rule-id`, `inspect.rule-field`, `inspect.rule-limit` */
  create(input: ResponseRuleInput): ResponseRule {
    if (this.#entries.size >= MAX_RULES)
      throw new GatewayError('limit', 'inspect.rule-limit', `there are already ${MAX_RULES} rules`);
    const fields = checkRule(input);
    const nowMs = this.#clock.now();
    const id =
      input.id === undefined ? this.#newId(nowMs) : checkRuleId(input.id, (used) => this.#entries.has(used));
    const rule = { id, ...fields, createdAtMs: nowMs, updatedAtMs: nowMs };
    const { lastInsertRowid } = this.#insert.run(id, JSON.stringify(fields), nowMs, nowMs);
    this.#set(Number(lastInsertRowid), rule);
    return rule;
  }

  /** Changes the given fields; the rule becomes the one updated last. @throws GatewayError as `create`, `inspect.rule-not-found` */
  update(id: string, input: ResponseRuleInput): ResponseRule {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new GatewayError('not-found', 'inspect.rule-not-found', 'rule not found');
    const { id: _, createdAtMs, updatedAtMs, ...before } = entry.compiled.rule;
    const fields = checkRule(input, before);
    // Two updates within a millisecond still have an order.
    const newestMs = Math.max(updatedAtMs, ...this.list().map((rule) => rule.updatedAtMs));
    const nowMs = this.#clock.now();
    const rule = { id, ...fields, createdAtMs, updatedAtMs: nowMs > newestMs ? nowMs : newestMs + 1 };
    this.#update.run(JSON.stringify(fields), rule.updatedAtMs, id);
    this.#set(entry.order, rule);
    return rule;
  }

  delete(id: string): boolean {
    if (!this.#entries.delete(id)) return false;
    this.#remove.run(id);
    this.#refresh();
    return true;
  }

  /** The rule that wins for a request: the one updated last (then created last) of those that match. */
  match(request: {
    readonly method: string;
    readonly url: string;
  }): { readonly rule: ResponseRule; readonly matchedRules: number } | undefined {
    const subject = this.#isActive ? ruleSubject(request.method, request.url) : undefined;
    if (subject === undefined) return undefined;
    let winner: Entry | undefined;
    let matchedRules = 0;
    for (const entry of this.#entries.values()) {
      if (!entry.compiled.rule.enabled) continue;
      const outcome = entry.compiled.test(subject);
      if (outcome === 'too-slow') this.#trip(entry);
      if (outcome !== 'match') continue;
      matchedRules++;
      if (winner === undefined || isLater(entry, winner)) winner = entry;
    }
    return winner === undefined ? undefined : { rule: winner.compiled.rule, matchedRules };
  }

  find(request: { readonly method: string; readonly url: string }): ResponseRewrite | undefined {
    const found = this.match(request);
    if (found === undefined) return undefined;
    const { rule, matchedRules } = found;
    return {
      id: rule.id,
      name: rule.name,
      matchedRules,
      apply: (response) => applyResponseRule(rule, response),
    };
  }

  close(): void {
    this.#database.close();
  }

  #newId(nowMs: number): string {
    for (;;) {
      const key = this.#keys.next(nowMs);
      const id = formatRecordId('rule', key);
      if (this.#entries.has(id)) continue;
      this.#saveKey.run(key);
      return id;
    }
  }

  #set(order: number, rule: ResponseRule): void {
    this.#entries.set(rule.id, { order, compiled: new CompiledRule(rule), tripsMs: [] });
    this.#refresh();
  }

  #refresh(): void {
    this.#isActive = [...this.#entries.values()].some(({ compiled }) => compiled.rule.enabled);
  }

  // A rule that keeps running into its time limit would slow every connection down.
  #trip(entry: Entry): void {
    const { rule } = entry.compiled;
    const nowMs = this.#clock.now();
    entry.tripsMs = [...entry.tripsMs.filter((ms) => nowMs - ms < TRIP_WINDOW_MS), nowMs];
    if (entry.tripsMs.length < TRIPS_TO_DISABLE) return;
    this.update(rule.id, { enabled: false });
    this.#log.warning('response rule disabled: its path pattern takes too long', {
      rule: rule.id,
      pattern: rule.pathRegex,
    });
  }
}

function isLater(entry: Entry, other: Entry): boolean {
  const byUpdate = entry.compiled.rule.updatedAtMs - other.compiled.rule.updatedAtMs;
  return byUpdate > 0 || (byUpdate === 0 && entry.order > other.order);
}

function toRule(row: Readonly<Record<string, SQLOutputValue>>): ResponseRule {
  const fields = JSON.parse(String(row['fields'])) as RuleFields;
  return {
    id: String(row['id']),
    ...fields,
    createdAtMs: Number(row['created_ms']),
    updatedAtMs: Number(row['updated_ms']),
  };
}
