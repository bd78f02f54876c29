import type { Overview } from '@sluice/api/native/types';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { samples } from '../../api/overview-feed.ts';
import { useStore } from '../../lib/store.ts';
import { useText } from '../../text/text.ts';
import { Segmented } from '../../ui/field.tsx';
import { Panel } from '../../ui/panel.tsx';
import { CaptureStart, MediaStart, RouteStart } from './addresses.tsx';
import { GatewayFacts } from './gateway-facts.tsx';
import { Tiles } from './tiles.tsx';
import { TrafficChart } from './traffic-chart.tsx';

const RANGES = ['1', '5', '10'] as const;

export function OverviewPage() {
  const { t } = useText();
  const history = useStore(samples);
  const [range, setRange] = useState<(typeof RANGES)[number]>('5');
  const overview = useQuery({
    queryKey: ['overview'],
    queryFn: () => call<Overview>('GET', '/overview'),
    refetchInterval: 10_000,
  });
  return (
    <div className="mx-auto flex max-w-[100rem] flex-col gap-3 p-3 md:gap-4 md:p-5">
      <Tiles history={history} />
      <div className="grid gap-3 md:gap-4 xl:grid-cols-[minmax(0,1fr)_22rem]">
        <Panel
          title={t('overview.traffic')}
          aside={
            <Segmented
              label={t('overview.range')}
              value={range}
              onChange={setRange}
              options={RANGES.map((value) => ({ value, label: t('overview.minutes', { number: value }) }))}
            />
          }
        >
          <TrafficChart history={history} seconds={Number(range) * 60} />
        </Panel>
        {overview.data !== undefined && <GatewayFacts overview={overview.data} />}
      </div>
      {overview.data !== undefined && (
        <div className="grid gap-3 md:gap-4 lg:grid-cols-2 xl:grid-cols-3">
          <RouteStart addresses={overview.data.addresses} />
          <CaptureStart addresses={overview.data.addresses} ca={overview.data.ca} />
          <MediaStart addresses={overview.data.addresses} />
        </div>
      )}
    </div>
  );
}
