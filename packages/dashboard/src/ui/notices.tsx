import { createStore, useStore } from '../lib/store.ts';

type Notice = { readonly id: number; readonly tone: 'good' | 'bad'; readonly text: string };

const SHOWN_MS = 5000;
const SHOWN_AT_ONCE = 4;

const notices = createStore<readonly Notice[]>([]);
let nextId = 1;

/** Shows a short message for a few seconds. */
export function notify(tone: Notice['tone'], text: string): void {
  const id = nextId++;
  notices.set([...notices.get(), { id, tone, text }].slice(-SHOWN_AT_ONCE));
  setTimeout(() => notices.set(notices.get().filter((notice) => notice.id !== id)), SHOWN_MS);
}

export function Notices() {
  const shown = useStore(notices);
  return (
    <div
      role="status"
      className="pointer-events-none fixed right-4 bottom-16 z-50 flex flex-col gap-2 md:bottom-4"
    >
      {shown.map((notice) => (
        <p
          key={notice.id}
          className={`max-w-sm rounded-md border border-line border-l-4 bg-panel px-3 py-2 shadow-lg ${
            notice.tone === 'good' ? 'border-l-good' : 'border-l-bad'
          }`}
        >
          {notice.text}
        </p>
      ))}
    </div>
  );
}
