import { useNavigate, useSearch } from '@tanstack/react-router';
import { useText } from '../../text/text.ts';
import { Segmented } from '../../ui/field.tsx';
import { OutboundsView } from './outbounds-view.tsx';
import { ProvidersView } from './providers-view.tsx';
import { RouteRulesView } from './route-rules-view.tsx';

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
        { value: 'providers', label: t('proxies.providers') },
        { value: 'rules', label: t('proxies.rules') },
      ]}
      onChange={(value) =>
        void navigate({ to: '/proxies', search: value === 'outbounds' ? {} : { tab: value } })
      }
    />
  );
  if (tab === 'rules') return <RouteRulesView tabs={tabs} />;
  return tab === 'providers' ? <ProvidersView tabs={tabs} /> : <OutboundsView tabs={tabs} />;
}
