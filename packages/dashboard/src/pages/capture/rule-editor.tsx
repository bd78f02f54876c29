import type { ResponseRule, ResponseRuleInput } from '@sluice/api/native/types';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/client.ts';
import { useText } from '../../text/text.ts';
import { act } from '../../ui/action.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, TextInput } from '../../ui/field.tsx';
import { formatHeaderText, parseHeaderText } from './header-text.ts';
import type { RuleDraft } from './rule-draft.ts';

const AREA = 'rounded-md border border-line bg-panel px-2.5 py-2 font-mono text-xs';

/** A form over one response rule; the gateway checks what is sent. */
export function RuleEditor(props: {
  readonly draft: RuleDraft;
  readonly onClose: () => void;
  readonly onSaved: () => Promise<void>;
}) {
  const { t } = useText();
  const { id, input } = props.draft;
  const [rule, setRule] = useState<ResponseRuleInput>({
    method: '*',
    enabled: true,
    responseStatus: 200,
    ...pickFields(input),
  });
  const [headers, setHeaders] = useState(formatHeaderText(input.responseHeaders ?? {}));
  const change = (part: ResponseRuleInput) => setRule((now) => ({ ...now, ...part }));

  const save = async (event: FormEvent) => {
    event.preventDefault();
    const body: ResponseRuleInput = { ...rule, responseHeaders: parseHeaderText(headers) };
    const saved = await act(
      () =>
        id === undefined
          ? call<ResponseRule>('POST', '/response-rules', { body })
          : call<ResponseRule>('PATCH', `/response-rules/${encodeURIComponent(id)}`, { body }),
      t('rules.saved'),
    );
    if (!saved) return;
    await props.onSaved();
    props.onClose();
  };

  return (
    <Dialog wide title={t(id === undefined ? 'rules.new' : 'rules.edit')} onClose={props.onClose}>
      <form className="grid gap-3 sm:grid-cols-6" onSubmit={(event) => void save(event)}>
        <div className="sm:col-span-6">
          <Field label={t('rules.name')}>
            <TextInput
              value={rule.name ?? ''}
              maxLength={200}
              onChange={(event) => change({ name: event.target.value })}
            />
          </Field>
        </div>
        <div className="sm:col-span-3">
          <Field label={t('capture.host')} hint={t('rules.hostHint')}>
            <TextInput
              required
              className="font-mono"
              value={rule.host ?? ''}
              onChange={(event) => change({ host: event.target.value })}
            />
          </Field>
        </div>
        <div className="sm:col-span-3">
          <Field label={t('rules.pathRegex')} hint={t('rules.pathHint')}>
            <TextInput
              required
              className="font-mono"
              value={rule.pathRegex ?? ''}
              onChange={(event) => change({ pathRegex: event.target.value })}
            />
          </Field>
        </div>
        <div className="sm:col-span-3">
          <Field label={t('capture.method')} hint={t('rules.methodHint')}>
            <TextInput
              className="font-mono"
              value={rule.method ?? ''}
              onChange={(event) => change({ method: event.target.value })}
            />
          </Field>
        </div>
        <div className="sm:col-span-3">
          <Field label={t('rules.status')}>
            <TextInput
              type="number"
              min={100}
              max={999}
              value={rule.responseStatus ?? 200}
              onChange={(event) => change({ responseStatus: event.target.valueAsNumber || 0 })}
            />
          </Field>
        </div>
        <div className="sm:col-span-6">
          <Field label={t('rules.headers')} hint={t('rules.headersHint')}>
            <textarea
              className={`${AREA} h-20`}
              spellCheck={false}
              value={headers}
              onChange={(event) => setHeaders(event.target.value)}
            />
          </Field>
        </div>
        <div className="sm:col-span-6">
          <Field label={t('capture.body')} hint={t('rules.bodyHint')}>
            <textarea
              className={`${AREA} h-44`}
              spellCheck={false}
              value={rule.responseBody ?? ''}
              onChange={(event) =>
                change({ responseBody: event.target.value === '' ? null : event.target.value })
              }
            />
          </Field>
        </div>
        <div className="flex justify-end gap-2 sm:col-span-6">
          <Button onClick={props.onClose}>{t('common.cancel')}</Button>
          <Button look="primary" submit>
            {t('common.save')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Only what may be sent back: a stored rule also has its id and dates. */
function pickFields(rule: ResponseRuleInput): ResponseRuleInput {
  const { name, host, pathRegex, method, enabled, responseBody, responseStatus } = rule;
  const given = { name, host, pathRegex, method, enabled, responseBody, responseStatus };
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as ResponseRuleInput;
}
