import type { ComponentProps } from 'react';
import { Icon, type IconName } from './icon.tsx';

const LOOKS = {
  plain: 'border-line bg-panel text-ink hover:bg-raised',
  primary: 'border-accent bg-accent text-accent-ink hover:opacity-90',
  danger: 'border-line bg-panel text-bad hover:bg-raised',
  ghost: 'border-transparent text-soft hover:bg-raised hover:text-ink',
} as const;

type ButtonProps = Omit<ComponentProps<'button'>, 'type'> & {
  readonly look?: keyof typeof LOOKS;
  readonly icon?: IconName;
  readonly submit?: boolean;
};

export function Button({
  look = 'plain',
  icon,
  submit = false,
  children,
  className = '',
  ...rest
}: ButtonProps) {
  return (
    <button
      type={submit ? 'submit' : 'button'}
      className={`inline-flex h-8 items-center justify-center gap-1.5 whitespace-nowrap rounded-md border px-2.5 font-medium disabled:opacity-45 ${LOOKS[look]} ${className}`}
      {...rest}
    >
      {icon !== undefined && <Icon name={icon} size={15} />}
      {children}
    </button>
  );
}

type IconButtonProps = Omit<ComponentProps<'button'>, 'type' | 'children' | 'aria-label' | 'title'> & {
  readonly icon: IconName;
  readonly label: string;
};

/** A button that is only a picture; `label` is its name for everyone who cannot see or guess it. */
export function IconButton({ icon, label, className = '', ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={`inline-grid size-7 shrink-0 place-items-center rounded-md text-faint hover:bg-raised hover:text-ink disabled:opacity-40 ${className}`}
      {...rest}
    >
      <Icon name={icon} size={15} />
    </button>
  );
}
