import type { ReactNode } from 'react';

/** A titled region. */
export function Panel(props: {
  readonly title: string;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
  readonly className?: string;
}) {
  return (
    <section
      aria-label={props.title}
      className={`flex min-w-0 flex-col rounded-lg border border-line bg-panel ${props.className ?? ''}`}
    >
      <header className="flex min-h-10 flex-wrap items-center gap-x-3 gap-y-1 border-line border-b px-3.5 py-1.5">
        <h2 className="font-semibold">{props.title}</h2>
        <div className="ml-auto flex items-center gap-2">{props.aside}</div>
      </header>
      {props.children}
    </section>
  );
}

/** Says why a list is empty and what to do about it. */
export function EmptyState(props: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <div className="mx-auto flex max-w-xl flex-col items-center gap-2.5 px-6 py-14 text-center">
      <p className="font-semibold text-sm">{props.title}</p>
      {props.children !== undefined && (
        <div className="flex w-full min-w-0 flex-col items-center gap-2.5 text-soft">{props.children}</div>
      )}
    </div>
  );
}
