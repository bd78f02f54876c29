import { useSyncExternalStore } from 'react';

/** A value outside React that components can watch. */
export type Store<T> = {
  get(): T;
  set(value: T): void;
  subscribe(listener: () => void): () => void;
};

export function createStore<T>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(value, next)) return;
      value = next;
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.get);
}

/** A store that keeps its text in the browser; forgets silently where storage is denied. */
export function createStoredText<T extends string>(key: string, known: readonly T[], fallback: T): Store<T> {
  const found = known.find((candidate) => candidate === readStored(key));
  const store = createStore<T>(found ?? fallback);
  return {
    ...store,
    set(value) {
      writeStored(key, value);
      store.set(value);
    },
  };
}

export function readStored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    // Private windows may deny storage; the page then starts from its defaults.
    return null;
  }
}

export function writeStored(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // As above: the choice then lasts as long as the page.
  }
}
