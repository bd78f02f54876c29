import type { TemporaryRule, TemporaryRuleInput } from '@sluice/api/native/types';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/client.ts';
import { useText } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, Select, TextInput } from '../../ui/field.tsx';

const LIFETIMES_SECONDS = ['300', '1800', '3600', '28800', '86400', '604800'] as const;

/** A form for a rule that ends by itself; the gateway says what is wrong with one. */
export function TemporaryRuleEditor({ onClose }: { readonly onClose: () => void }) {
  const { t, format } = useText();
  const queries = useQueryClient();
  const [line, setLine] = useState('');
  const [lifetime, setLifetime] = useState<(typeof LIFETIMES_SECONDS)[number]>('3600');
  const { mutate, error, isPending } = useMutation({
    mutationFn: (body: TemporaryRuleInput) => call<TemporaryRule>('POST', '/route/temporary-rules', { body }),
    async onSuccess() {
      await queries.invalidateQueries({ queryKey: ['temporary-rules'] });
      onClose();
    },
  });
  const add = (event: FormEvent) => {
    event.preventDefault();
    mutate({ line, ttlSeconds: Number(lifetime) });
  };
  return (
    <Dialog title={t('temporary.new')} onClose={onClose}>
      <form className="flex flex-col gap-3" onSubmit={add}>
        <p className="text-soft">{t('temporary.text')}</p>
        <Field label={t('temporary.line')} hint={t('temporary.lineHint')}>
          <TextInput
            required
            className="font-mono"
            value={line}
            onChange={(event) => setLine(event.target.value)}
          />
        </Field>
        <Field label={t('temporary.lasts')}>
          <Select
            label={t('temporary.lasts')}
            value={lifetime}
            options={LIFETIMES_SECONDS.map((value) => ({ value, label: format.duration(Number(value)) }))}
            onChange={setLifetime}
          />
        </Field>
        {error !== null && (
          <p role="alert" className="break-words text-bad">
            {error.message}
          </p>
        )}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button look="primary" submit disabled={isPending}>
            {t('common.add')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
