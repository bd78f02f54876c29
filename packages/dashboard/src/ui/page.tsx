import type { ReactNode } from 'react';

/** A page whose list fills what the tool bar leaves. */
export function ListPage({ tools, children }: { readonly tools: ReactNode; readonly children: ReactNode }) {
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex flex-wrap items-center gap-2 border-line border-b bg-panel px-3 py-2 md:px-5">
        {tools}
      </div>
      <div className="flex min-h-0 flex-1 bg-panel">{children}</div>
    </div>
  );
}
