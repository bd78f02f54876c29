import { useNavigate, useSearch } from '@tanstack/react-router';
import { useText } from '../../text/text.ts';
import { Segmented } from '../../ui/field.tsx';
import { ExchangesView } from './exchanges-view.tsx';
import { RulesView } from './rules-view.tsx';

export function CapturePage() {
  const { t } = useText();
  const { tab } = useSearch({ from: '/capture' });
  const navigate = useNavigate();
  const tabs = (
    <Segmented
      label={t('capture.view')}
      value={tab ?? 'exchanges'}
      options={[
        { value: 'exchanges', label: t('capture.exchanges') },
        { value: 'rules', label: t('capture.rules') },
      ]}
      onChange={(value) =>
        void navigate({ to: '/capture', search: value === 'rules' ? { tab: 'rules' } : {} })
      }
    />
  );
  return tab === 'rules' ? <RulesView tabs={tabs} /> : <ExchangesView tabs={tabs} />;
}
