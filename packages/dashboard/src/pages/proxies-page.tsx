import { useNavigate, useSearch } from '@tanstack/react-router';
import { useText } from '../text/text.ts';
import { Segmented } from '../ui/field.tsx';
import { OutboundsView } from './proxies/outbounds-view.tsx';
import { RouteRulesView } from './proxies/route-rules-view.tsx';

export function ProxiesPage() {
  const { t } = useText();
  const { tab } = useSearch({ from: '/proxies' });
  const navigate = useNavigate();
  const tabs = (
    <Segmented
      label={t('proxies.view')}
      value={tab ?? 'outbounds'}
      options={[
        { value: 'outbounds', label: t('proxies.outbounds') },
        { value: 'rules', label: t('proxies.rules') },
      ]}
      onChange={(value) =>
        void navigate({ to: '/proxies', search: value === 'rules' ? { tab: 'rules' } : {} })
      }
    />
  );
  return tab === 'rules' ? <RouteRulesView tabs={tabs} /> : <OutboundsView tabs={tabs} />;
}
