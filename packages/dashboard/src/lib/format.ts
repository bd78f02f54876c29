import type { Language } from '../text/languages.ts';

type Units = {
  readonly bytes: readonly string[];
  readonly perSecond: string;
  readonly bits: readonly string[];
  readonly ms: string;
  readonly clock: readonly [string, string, string, string];
};

const UNITS: Readonly<Record<Language, Units>> = {
  en: {
    bytes: ['B', 'KB', 'MB', 'GB', 'TB'],
    perSecond: '/s',
    bits: ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s'],
    ms: 'ms',
    clock: ['d', 'h', 'm', 's'],
  },
  zh: {
    bytes: ['B', 'KB', 'MB', 'GB', 'TB'],
    perSecond: '/秒',
    bits: ['bps', 'kbps', 'Mbps', 'Gbps'],
    ms: '毫秒',
    clock: ['天', '时', '分', '秒'],
  },
  ru: {
    bytes: ['Б', 'КБ', 'МБ', 'ГБ', 'ТБ'],
    perSecond: '/с',
    bits: ['бит/с', 'кбит/с', 'Мбит/с', 'Гбит/с'],
    ms: 'мс',
    clock: ['д', 'ч', 'м', 'с'],
  },
};

/** Numbers, sizes and times as one language writes them. */
export class Format {
  readonly #language: Language;
  readonly #units: Units;
  readonly #whole: Intl.NumberFormat;
  readonly #short: readonly Intl.NumberFormat[];

  constructor(language: Language) {
    this.#language = language;
    this.#units = UNITS[language];
    this.#whole = new Intl.NumberFormat(language);
    this.#short = [0, 1, 2].map(
      (digits) =>
        new Intl.NumberFormat(language, {
          minimumFractionDigits: digits,
          maximumFractionDigits: digits,
          useGrouping: false,
        }),
    );
  }

  number(value: number): string {
    return this.#whole.format(value);
  }

  /** `1.24 MB`: three digits, powers of 1000. */
  bytes(value: number): string {
    return this.#scaled(value, this.#units.bytes);
  }

  rate(bytesPerSecond: number): string {
    return this.bytes(bytesPerSecond) + this.#units.perSecond;
  }

  bitrate(bytesPerSecond: number): string {
    return this.#scaled(bytesPerSecond * 8, this.#units.bits);
  }

  ms(value: number): string {
    return value < 10_000
      ? `${this.number(Math.round(value))} ${this.#units.ms}`
      : this.duration(value / 1000);
  }

  /** The two largest parts: `3d 4h`, `12m 5s`. */
  duration(seconds: number): string {
    const total = Math.max(0, Math.floor(seconds));
    const parts = [
      Math.floor(total / 86_400),
      Math.floor(total / 3600) % 24,
      Math.floor(total / 60) % 60,
      total % 60,
    ];
    const first = parts.findIndex((part, index) => part > 0 || index === 3);
    return parts
      .slice(first, first + 2)
      .map((part, index) => `${part}${this.#units.clock[first + index] ?? ''}`)
      .join(' ');
  }

  time(epochMs: number): string {
    return new Date(epochMs).toLocaleTimeString(this.#language, { hour12: false });
  }

  /** Hours and minutes. */
  clock(epochMs: number): string {
    return new Date(epochMs).toLocaleTimeString(this.#language, {
      hour: '2-digit',
      minute: '2-digit',
      hour12: false,
    });
  }

  /** Day and month. */
  day(epochMs: number): string {
    return new Date(epochMs).toLocaleDateString(this.#language, { month: 'short', day: 'numeric' });
  }

  /** Time of day with milliseconds, for logs. */
  preciseTime(epochMs: number): string {
    return `${this.time(epochMs)}.${String(Math.floor(epochMs) % 1000).padStart(3, '0')}`;
  }

  dateTime(epochMs: number): string {
    return new Date(epochMs).toLocaleString(this.#language, { hour12: false });
  }

  date(epochMs: number): string {
    return new Date(epochMs).toLocaleDateString(this.#language);
  }

  #scaled(value: number, units: readonly string[]): string {
    let scaled = value;
    let unit = 0;
    while (scaled >= 999.5 && unit < units.length - 1) {
      scaled /= 1000;
      unit += 1;
    }
    const digits = unit === 0 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
    return `${this.#short[digits]?.format(scaled) ?? scaled} ${units[unit] ?? ''}`;
  }
}
