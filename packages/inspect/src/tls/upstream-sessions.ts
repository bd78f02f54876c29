const MAX_SESSIONS = 1000;

/** TLS sessions with servers by upstream key, least recently renewed forgotten first. */
export class UpstreamSessions {
  readonly #capacity: number;
  readonly #sessions = new Map<string, Buffer>();

  constructor(capacity = MAX_SESSIONS) {
    this.#capacity = capacity;
  }

  get(key: string): Buffer | undefined {
    return this.#sessions.get(key);
  }

  set(key: string, session: Buffer): void {
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    if (this.#sessions.size <= this.#capacity) return;
    const [oldest] = this.#sessions.keys();
    if (oldest !== undefined) this.#sessions.delete(oldest);
  }
}
