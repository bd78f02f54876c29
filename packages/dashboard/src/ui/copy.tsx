import { useState } from 'react';
import { useText } from '../text/text.ts';
import { IconButton } from './button.tsx';
import { notify } from './notices.tsx';

async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text);
  // Pages over plain HTTP on another machine have no clipboard interface.
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

export function CopyButton({ text, label }: { readonly text: string; readonly label?: string }) {
  const { t } = useText();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await copyText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    } catch (error) {
      notify('bad', error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <IconButton
      icon={copied ? 'check' : 'copy'}
      label={copied ? t('common.copied') : (label ?? t('common.copy'))}
      onClick={() => void copy()}
      className={copied ? 'text-good' : ''}
    />
  );
}

/** Text to take along: shown whole where there is room, copied by its button. */
export function CopyLine({ text }: { readonly text: string }) {
  return (
    <span className="flex w-full min-w-0 items-center gap-1 rounded-md bg-raised pl-2.5">
      <code className="min-w-0 flex-1 overflow-x-auto whitespace-nowrap py-1.5 text-left font-mono text-ink text-xs [scrollbar-width:none]">
        {text}
      </code>
      <CopyButton text={text} />
    </span>
  );
}
