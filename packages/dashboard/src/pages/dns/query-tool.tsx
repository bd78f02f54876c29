import type { DnsAnswer, DnsQuery, DnsRecord } from '@sluice/api/native/types';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/client.ts';
import { useText } from '../../text/text.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { Select, TextInput } from '../../ui/field.tsx';
import { Panel } from '../../ui/panel.tsx';

const TYPES = ['A', 'AAAA', 'CNAME', 'HTTPS', 'MX', 'NS', 'PTR', 'SOA', 'SRV', 'SVCB', 'TXT', 'CAA'] as const;

/** Asks the resolver one question and shows what came back. */
export function QueryTool() {
  const { t } = useText();
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const [type, setType] = useState<(typeof TYPES)[number]>('A');
  const { mutate, data, error, isPending } = useMutation({
    mutationFn: (body: DnsQuery) => call<DnsAnswer>('POST', '/dns/query', { body }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['dns'] }),
  });
  const ask = (event: FormEvent) => {
    event.preventDefault();
    mutate({ name, type });
  };
  return (
    <Panel title={t('dns.tool')}>
      <div className="flex flex-col gap-3 p-3.5">
        <p className="text-soft">{t('dns.toolText')}</p>
        <form className="flex flex-wrap gap-2" onSubmit={ask}>
          <TextInput
            required
            aria-label={t('dns.name')}
            placeholder="example.com"
            className="min-w-40 flex-1 font-mono"
            maxLength={255}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          <Select
            label={t('dns.type')}
            value={type}
            options={TYPES.map((value) => ({ value, label: value }))}
            onChange={setType}
          />
          <Button look="primary" icon="search" submit disabled={isPending}>
            {t('dns.tool')}
          </Button>
        </form>
        {error !== null && (
          <p role="alert" className="break-words text-bad">
            {error.message}
          </p>
        )}
        {error === null && data !== undefined && <Answer answer={data} />}
      </div>
    </Panel>
  );
}

function Answer({ answer }: { readonly answer: DnsAnswer }) {
  const { t, format } = useText();
  const records = [...answer.answers, ...answer.authorities];
  return (
    <section aria-label={t('dns.answer')} className="flex flex-col gap-1.5">
      <p className="flex items-center gap-2 text-soft tabular-nums">
        <Badge tone={answer.status === 0 ? 'good' : 'bad'}>{answer.statusName}</Badge>
        {answer.authenticData && <Badge>DNSSEC</Badge>}
        {format.ms(answer.durationMs)}
      </p>
      {records.length === 0 && <p className="text-soft">{t('dns.noRecords')}</p>}
      <ul className="flex flex-col gap-1">
        {records.map((record, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: an answer is shown once and never reordered
          <Row key={index} record={record} />
        ))}
      </ul>
    </section>
  );
}

function Row({ record }: { readonly record: DnsRecord }) {
  return (
    <li className="flex items-baseline gap-2 font-mono text-xs">
      <span className="w-12 shrink-0 text-accent">{record.typeName}</span>
      <span className="min-w-0 flex-1 break-all">{record.data}</span>
      <span className="shrink-0 text-faint tabular-nums">{record.ttlSeconds}</span>
    </li>
  );
}
