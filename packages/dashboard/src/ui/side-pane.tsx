import type { ReactNode } from 'react';
import { useText } from '../text/text.ts';
import { IconButton } from './button.tsx';
import { useEscape } from './use-escape.ts';

/** Something beside a list, or over it on a narrow screen. Escape closes it. */
export function SidePane(props: {
  readonly title: string;
  readonly aside?: ReactNode;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const { t } = useText();
  const { onClose } = props;
  useEscape(onClose);
  return (
    <aside
      aria-label={props.title}
      className="fixed inset-0 z-30 flex min-w-0 flex-col overflow-auto border-line bg-panel lg:static lg:w-[42%] lg:border-l"
    >
      <header className="flex min-h-11 items-center gap-2 border-line border-b py-1.5 pr-2 pl-4">
        <h2 className="truncate font-semibold">{props.title}</h2>
        <span className="ml-auto" />
        {props.aside}
        <IconButton icon="close" label={t('common.close')} onClick={onClose} />
      </header>
      {props.children}
    </aside>
  );
}
