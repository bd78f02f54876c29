import i18next from 'i18next';
import { useMemo } from 'react';
import { initReactI18next, useTranslation } from 'react-i18next';
import { Format } from '../lib/format.ts';
import { createStoredText, type Store } from '../lib/store.ts';
import { en } from './en.ts';
import { LANGUAGES, type Language } from './languages.ts';
import { ru } from './ru.ts';
import { zh } from './zh.ts';

export type MessageKey = keyof typeof en;

/** Looks a message up; `values` fill its `{{names}}`. */
export type Translate = (key: MessageKey, values?: Readonly<Record<string, string | number>>) => string;

function browserLanguage(): Language {
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
  return wanted.flatMap((tag) => LANGUAGES.filter((language) => language === tag))[0] ?? 'en';
}

export const languageChoice: Store<Language> = createStoredText(
  'sluice.language',
  LANGUAGES,
  browserLanguage(),
);

/** Loads all three languages and shows the chosen one. */
export async function startText(): Promise<void> {
  const show = (language: Language) => {
    document.documentElement.lang = language;
    return i18next.changeLanguage(language);
  };
  await i18next.use(initReactI18next).init({
    resources: { en: { translation: en }, zh: { translation: zh }, ru: { translation: ru } },
    lng: languageChoice.get(),
    fallbackLng: 'en',
    keySeparator: false,
    nsSeparator: false,
    interpolation: { escapeValue: false },
  });
  languageChoice.subscribe(() => void show(languageChoice.get()));
  await show(languageChoice.get());
}

/** Messages and formats in the language shown. */
export function useText(): { readonly t: Translate; readonly format: Format } {
  const { t, i18n } = useTranslation();
  const language = LANGUAGES.find((candidate) => candidate === i18n.language) ?? 'en';
  return useMemo(
    () => ({
      t: (key, values) => t(key, values === undefined ? {} : { ...values }),
      format: new Format(language),
    }),
    [t, language],
  );
}
