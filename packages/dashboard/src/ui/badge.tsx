import type { ReactNode } from 'react';

const TONES = {
  neutral: 'bg-raised text-soft',
  accent: 'bg-wash text-accent',
  good: 'bg-raised text-good',
  warn: 'bg-raised text-warn',
  bad: 'bg-raised text-bad',
} as const;

export type Tone = keyof typeof TONES;

export function Badge({
  tone = 'neutral',
  children,
}: {
  readonly tone?: Tone;
  readonly children: ReactNode;
}) {
  return (
    <span
      className={`inline-flex h-5 items-center whitespace-nowrap rounded px-1.5 font-medium text-[11px] ${TONES[tone]}`}
    >
      {children}
    </span>
  );
}
