import { createStore, useStore } from '../lib/store.ts';
import { useText } from '../text/text.ts';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';

type Question = {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  readonly answer: (yes: boolean) => void;
};

const question = createStore<Question | undefined>(undefined);

/** Asks before something that cannot be undone; resolves false when the user backs out. */
export function confirm(title: string, text: string, action: string): Promise<boolean> {
  return new Promise((resolve) => {
    question.set({
      title,
      text,
      action,
      answer(yes) {
        question.set(undefined);
        resolve(yes);
      },
    });
  });
}

export function ConfirmDialog() {
  const { t } = useText();
  const asked = useStore(question);
  if (asked === undefined) return null;
  return (
    <Dialog title={asked.title} onClose={() => asked.answer(false)}>
      <p className="mb-5 text-soft">{asked.text}</p>
      <div className="flex justify-end gap-2">
        <Button autoFocus onClick={() => asked.answer(false)}>
          {t('common.cancel')}
        </Button>
        <Button look="danger" onClick={() => asked.answer(true)}>
          {asked.action}
        </Button>
      </div>
    </Dialog>
  );
}
