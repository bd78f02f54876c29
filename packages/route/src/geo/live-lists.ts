/** A list that was given out; what it holds is replaced when its file is. */
export type LiveList<L> = { current: L };

/**
 * Lists that someone still holds, by key, so that each is compiled once and all follow an update. Those that nobody holds any
 * more go away by themselves.
 */
export class LiveLists<L> {
  readonly #lists = new Map<string, WeakRef<LiveList<L>>>();

  /** The list of a key; `compile` makes it when nobody holds one. */
  get(key: string, compile: () => L): LiveList<L> {
    const held = this.#lists.get(key)?.deref();
    if (held !== undefined) return held;
    const list = { current: compile() };
    this.#forgetUnheld();
    this.#lists.set(key, new WeakRef(list));
    return list;
  }

  /** Compiles all lists again; one whose compilation throws stays as it is, and `failed` is told. */
  renew(compile: (key: string) => L, failed: (key: string, error: unknown) => void): void {
    for (const [key, reference] of this.#lists) {
      const list = reference.deref();
      if (list === undefined) continue;
      try {
        list.current = compile(key);
      } catch (error) {
        failed(key, error);
      }
    }
  }

  /** Whether anyone holds a list. */
  get isHeld(): boolean {
    this.#forgetUnheld();
    return this.#lists.size > 0;
  }

  #forgetUnheld(): void {
    for (const [key, reference] of this.#lists) {
      if (reference.deref() === undefined) this.#lists.delete(key);
    }
  }
}
