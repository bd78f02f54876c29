import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { setSecret } from './api/client.ts';
import { useText } from './text/text.ts';
import { Button } from './ui/button.tsx';
import { Dialog } from './ui/dialog.tsx';
import { Field, TextInput } from './ui/field.tsx';

/** Asks for the control listener's secret; what was refused is then asked again. */
export function SecretPrompt({ wrong }: { readonly wrong: boolean }) {
  const { t } = useText();
  const queries = useQueryClient();
  const [value, setValue] = useState('');
  return (
    <Dialog title={t('secret.title')} onClose={() => {}}>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          setSecret(value);
          void queries.invalidateQueries();
        }}
      >
        <p className="text-soft">{t('secret.text')}</p>
        <Field label={t('secret.label')}>
          <TextInput
            type="password"
            autoFocus
            value={value}
            onChange={(event) => setValue(event.target.value)}
          />
        </Field>
        {wrong && (
          <p role="alert" className="text-bad">
            {t('secret.wrong')}
          </p>
        )}
        <div className="flex justify-end">
          <Button look="primary" submit disabled={value === ''}>
            {t('secret.open')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
