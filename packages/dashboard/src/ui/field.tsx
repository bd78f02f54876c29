import type { ComponentProps, ReactNode } from 'react';
import { Icon } from './icon.tsx';

const BOX = 'h-8 rounded-md border border-line bg-panel px-2.5 text-ink placeholder:text-faint';

export function TextInput({ className = '', ...rest }: ComponentProps<'input'>) {
  return <input className={`${BOX} min-w-0 ${className}`} spellCheck={false} autoComplete="off" {...rest} />;
}

/** A filter box; `label` doubles as its hint. */
export function SearchInput(props: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  return (
    <span className="relative flex min-w-36 max-w-80 flex-1 items-center">
      <span className="pointer-events-none absolute left-2 text-faint">
        <Icon name="search" size={14} />
      </span>
      <input
        type="search"
        aria-label={props.label}
        placeholder={props.label}
        value={props.value}
        onChange={(event) => props.onChange(event.target.value)}
        className={`${BOX} w-full pl-7`}
        spellCheck={false}
        autoComplete="off"
      />
    </span>
  );
}

type Option<T extends string> = { readonly value: T; readonly label: string };

/** One of a few choices, all in view. */
export function Segmented<T extends string>(props: {
  readonly label: string;
  readonly options: readonly Option<T>[];
  readonly value: T | undefined;
  readonly onChange: (value: T) => void;
}) {
  return (
    <fieldset className="inline-flex h-8 shrink-0 items-stretch rounded-md border border-line bg-raised p-0.5">
      <legend className="sr-only">{props.label}</legend>
      {props.options.map((option) => (
        <label
          key={option.value}
          className="flex cursor-pointer items-center rounded px-2.5 text-soft has-checked:bg-panel has-checked:font-medium has-checked:text-ink has-checked:shadow-sm has-focus-visible:outline-2 has-focus-visible:outline-accent"
        >
          <input
            type="radio"
            name={props.label}
            className="sr-only"
            checked={props.value === option.value}
            onChange={() => props.onChange(option.value)}
          />
          {option.label}
        </label>
      ))}
    </fieldset>
  );
}

export function Select<T extends string>(props: {
  readonly label: string;
  readonly options: readonly Option<T>[];
  readonly value: T | undefined;
  readonly onChange: (value: T) => void;
}) {
  return (
    <select
      aria-label={props.label}
      className={`${BOX} pr-1`}
      value={props.value}
      onChange={(event) => {
        const chosen = props.options.find((option) => option.value === event.target.value);
        if (chosen !== undefined) props.onChange(chosen.value);
      }}
    >
      {props.options.map((option) => (
        <option key={option.value} value={option.value}>
          {option.label}
        </option>
      ))}
    </select>
  );
}

export function Switch(props: {
  readonly label: string;
  readonly checked: boolean;
  readonly disabled?: boolean;
  readonly onChange: (checked: boolean) => void;
}) {
  return (
    <button
      type="button"
      role="switch"
      aria-checked={props.checked}
      aria-label={props.label}
      title={props.label}
      disabled={props.disabled}
      onClick={() => props.onChange(!props.checked)}
      className="group inline-flex h-5 w-9 shrink-0 items-center rounded-full border border-line bg-raised p-0.5 transition-colors aria-checked:border-accent aria-checked:bg-accent disabled:opacity-50"
    >
      <span className="size-3.5 rounded-full bg-faint transition-transform group-aria-checked:translate-x-4 group-aria-checked:bg-accent-ink" />
    </button>
  );
}

/** A control with its name above it. */
export function Field({
  label,
  children,
  hint,
}: {
  readonly label: string;
  readonly children: ReactNode;
  readonly hint?: string;
}) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is the child
    <label className="flex min-w-0 flex-col gap-1">
      <span className="text-soft">{label}</span>
      {children}
      {hint !== undefined && <span className="text-faint text-xs">{hint}</span>}
    </label>
  );
}
