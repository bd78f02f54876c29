import type { ExchangeDetail } from '@sluice/api/native/types';
import { useMemo, useState } from 'react';
import { useText } from '../../text/text.ts';
import { CopyButton } from '../../ui/copy.tsx';
import { Segmented } from '../../ui/field.tsx';
import { headerOf, prettyBodyOf } from './body.ts';

type Message = ExchangeDetail['request'] | NonNullable<ExchangeDetail['response']>;

const SHOWN_BODY_CHARACTERS = 500_000;

/** Header lines and body of one message. */
export function MessageView({ message }: { readonly message: Message }) {
  const { t } = useText();
  const headerText = message.headers.map(([name, value]) => `${name}: ${value}`).join('\n');
  return (
    <div className="flex min-h-0 flex-1 flex-col overflow-auto">
      <section aria-label={t('capture.headers')} className="border-line border-b px-4 py-3">
        <div className="mb-1.5 flex items-center">
          <h3 className="font-semibold text-soft">
            {t('capture.headers')} <span className="font-normal text-faint">HTTP/{message.httpVersion}</span>
          </h3>
          <CopyButton text={headerText} />
        </div>
        <dl className="grid grid-cols-[minmax(6rem,auto)_minmax(0,1fr)] gap-x-4 gap-y-0.5 font-mono text-xs">
          {message.headers.map(([name, value], index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: header lines may repeat and never move
            <HeaderLine key={index} name={name} value={value} />
          ))}
        </dl>
      </section>
      <BodyView message={message} />
    </div>
  );
}

function HeaderLine({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <>
      <dt className="break-words text-faint">{name}</dt>
      <dd className="break-all">{value}</dd>
    </>
  );
}

function BodyView({ message }: { readonly message: Message }) {
  const { t, format } = useText();
  const pretty = useMemo(() => prettyBodyOf(message), [message]);
  const [form, setForm] = useState<'pretty' | 'raw'>('pretty');
  const { bodyText, bodyEncoding } = message;
  const contentType = headerOf(message.headers, 'content-type').split(';')[0] ?? '';
  const isImage = bodyEncoding === 'base64' && contentType.startsWith('image/') && !message.bodyTruncated;
  const text = (form === 'pretty' ? (pretty ?? bodyText) : bodyText) ?? '';
  return (
    <section aria-label={t('capture.body')} className="flex flex-1 flex-col px-4 py-3">
      <div className="mb-1.5 flex min-h-8 flex-wrap items-center gap-2">
        <h3 className="font-semibold text-soft">{t('capture.body')}</h3>
        <span className="text-faint tabular-nums">{format.bytes(message.bodySizeBytes)}</span>
        {message.bodyTruncated && <span className="text-warn">{t('capture.truncated')}</span>}
        {bodyText !== null && bodyText !== '' && <CopyButton text={text} />}
        {pretty !== undefined && (
          <span className="ml-auto">
            <Segmented
              label={t('capture.form')}
              value={form}
              onChange={setForm}
              options={[
                { value: 'pretty', label: t('capture.pretty') },
                { value: 'raw', label: t('capture.raw') },
              ]}
            />
          </span>
        )}
      </div>
      {bodyText === null || bodyText === '' ? (
        <p className="text-faint">{t('capture.noBody')}</p>
      ) : isImage ? (
        <img
          src={`data:${contentType};base64,${bodyText}`}
          alt={t('capture.body')}
          className="max-h-96 max-w-full self-start rounded border border-line object-contain"
        />
      ) : (
        <pre className="whitespace-pre-wrap break-all rounded-md bg-ground p-3 font-mono text-xs leading-5">
          {text.slice(0, SHOWN_BODY_CHARACTERS)}
          {text.length > SHOWN_BODY_CHARACTERS && '\n…'}
        </pre>
      )}
    </section>
  );
}
