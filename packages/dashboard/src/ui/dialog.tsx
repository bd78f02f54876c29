import { type ReactNode, useEffect, useRef } from 'react';

/** A modal window; Escape and the browser's own handling close it through `onClose`. */
export function Dialog(props: {
  readonly title: string;
  readonly onClose: () => void;
  readonly wide?: boolean;
  readonly children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  // Browsers close a dialog on a second Escape whatever the page says; one that must stay is shown again.
  const onClosed = () => {
    props.onClose();
    requestAnimationFrame(() => {
      if (dialog.current?.open === false) dialog.current.showModal();
    });
  };
  return (
    <dialog
      ref={dialog}
      aria-label={props.title}
      onClose={onClosed}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
      className={`m-auto max-h-[92dvh] w-[calc(100vw-2rem)] overflow-auto rounded-lg border border-line bg-panel p-5 text-ink shadow-2xl ${
        props.wide === true ? 'max-w-3xl' : 'max-w-md'
      }`}
    >
      <h2 className="mb-3 font-semibold text-base">{props.title}</h2>
      {props.children}
    </dialog>
  );
}
