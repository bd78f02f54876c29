import type { Connection } from '@sluice/api/native/types';
import { Link } from '@tanstack/react-router';
import { useText } from '../../text/text.ts';
import { Badge } from '../../ui/badge.tsx';
import { EmptyState } from '../../ui/panel.tsx';
import { SidePane } from '../../ui/side-pane.tsx';
import { targetOf } from './connection-text.ts';

/** Everything known about one connection. */
export function ConnectionPane(props: {
  readonly row: Connection | undefined;
  readonly nowMs: number;
  readonly loaded: boolean;
  readonly onClose: () => void;
}) {
  const { t } = useText();
  const { row } = props;
  return (
    <SidePane title={t('connections.detail')} onClose={props.onClose}>
      {row === undefined ? (
        <EmptyState title={t(props.loaded ? 'connections.gone' : 'common.loading')} />
      ) : (
        <Facts row={row} nowMs={props.nowMs} />
      )}
    </SidePane>
  );
}

function Facts({ row, nowMs }: { readonly row: Connection; readonly nowMs: number }) {
  const { t, format } = useText();
  const facts: readonly (readonly [string, string])[] = [
    [t('connections.rule'), [row.rule, row.rulePayload].filter((part) => part !== '').join(' ')],
    [t('connections.chain'), row.chain.join(' › ')],
    [t('connections.provider'), [...new Set(row.providers)].filter((name) => name !== '').join(', ')],
    [t('connections.sniffed'), row.sniffedHost],
    [t('connections.dnsMode'), row.host === '' ? '' : t(`dnsMode.${row.dnsMode}`)],
    [t('connections.ip'), row.destinationIp],
    [t('connections.remote'), row.remote === row.destinationIp ? '' : row.remote],
    [t('connections.place'), placeOf(row.destinationGeo, row.destinationAsn)],
    [t('connections.source'), row.source],
    [t('connections.sourcePlace'), placeOf(row.sourceGeo, row.sourceAsn)],
    [t('connections.process'), processOf(row)],
    [t('connections.user'), row.user],
    [t('connections.inbound'), [row.inbound, row.inboundName].filter((part) => part !== '').join(' · ')],
    [t('connections.network'), row.network.toUpperCase()],
    [t('connections.dscp'), row.dscp === 0 ? '' : String(row.dscp)],
    [
      t('connections.started'),
      `${format.dateTime(row.startMs)} (${format.duration((nowMs - row.startMs) / 1000)})`,
    ],
    [
      t('connections.transferred'),
      `↓ ${format.bytes(row.downloadBytes)} · ↑ ${format.bytes(row.uploadBytes)}`,
    ],
  ];
  return (
    <>
      <div className="flex flex-wrap items-center gap-2 px-4 pt-3">
        <p className="min-w-0 break-all font-mono font-semibold">{targetOf(row)}</p>
        {row.inspected && <Badge tone="accent">{t('connections.inspected')}</Badge>}
        <Link
          to="/proxies"
          search={{ tab: 'rules', explain: targetOf(row) }}
          className="ml-auto font-medium text-accent hover:underline"
        >
          {t('connections.explain')}
        </Link>
      </div>
      <dl className="grid grid-cols-[minmax(7rem,auto)_1fr] gap-x-4 gap-y-1.5 px-4 py-3 tabular-nums">
        {facts
          .filter(([, value]) => value !== '')
          .map(([name, value]) => (
            <div key={name} className="contents">
              <dt className="text-faint">{name}</dt>
              <dd className="min-w-0 break-words">{value}</dd>
            </div>
          ))}
      </dl>
    </>
  );
}

function placeOf(codes: readonly string[], asn: string): string {
  return [codes.map((code) => code.toUpperCase()).join(', '), asn === '' ? '' : `AS${asn}`]
    .filter((part) => part !== '')
    .join(' · ');
}

function processOf({ process, processPath, uid }: Connection): string {
  if (process === '') return '';
  return [processPath || process, ...(uid === 0 ? [] : [`uid ${uid}`])].join(' · ');
}
