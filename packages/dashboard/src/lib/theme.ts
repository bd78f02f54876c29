import { createStore, createStoredText, type Store } from './store.ts';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

/** What the user chose. */
export const themeChoice: Store<Theme> = createStoredText('sluice.theme', THEMES, 'system');

const systemDark = matchMedia('(prefers-color-scheme: dark)');

/** What is shown. */
export const shownTheme = createStore<'light' | 'dark'>('light');

function apply(): void {
  const choice = themeChoice.get();
  const shown = choice === 'system' ? (systemDark.matches ? 'dark' : 'light') : choice;
  document.documentElement.dataset['theme'] = shown;
  shownTheme.set(shown);
}

/** Shows the chosen theme and follows the system's while none is chosen. */
export function startTheme(): void {
  apply();
  themeChoice.subscribe(apply);
  systemDark.addEventListener('change', apply);
}
