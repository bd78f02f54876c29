import type { ExplainInput, ExplanationReply } from '@sluice/api/native/types';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { call } from '../../api/client.ts';
import { useText } from '../../text/text.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { Field, Segmented, TextInput } from '../../ui/field.tsx';
import { SidePane } from '../../ui/side-pane.tsx';
import { ExplainStory } from './explain-story.tsx';

/** Asks what would happen to a connection, and tells the story. `asked` is the target to start with. */
export function ExplainPane(props: {
  readonly asked: string;
  readonly onAsk: (target: string) => void;
  readonly onClose: () => void;
}) {
  const { t } = useText();
  const { asked } = props;
  const [target, setTarget] = useState(asked);
  const [network, setNetwork] = useState<'tcp' | 'udp'>('tcp');
  const [client, setClient] = useState({ sourceIp: '', process: '', inboundName: '', user: '' });
  const { mutate, data, error, isPending } = useMutation({
    mutationFn: (body: ExplainInput) => call<ExplanationReply>('POST', '/route/explain', { body }),
  });
  const given = Object.fromEntries(Object.entries(client).filter(([, value]) => value.trim() !== ''));
  const conditions = useRef({});
  conditions.current = { network, ...given };
  useEffect(() => {
    setTarget(asked);
    if (asked !== '') mutate({ target: asked, ...conditions.current });
  }, [asked, mutate]);

  const ask = (event: FormEvent) => {
    event.preventDefault();
    // What is asked becomes part of the address, which then asks.
    if (target === asked) mutate({ target, ...conditions.current });
    else props.onAsk(target);
  };
  const clientField = (name: keyof typeof client, label: string, hint: string) => (
    <Field label={label}>
      <TextInput
        value={client[name]}
        placeholder={hint}
        onChange={(event) => setClient({ ...client, [name]: event.target.value })}
      />
    </Field>
  );
  return (
    <SidePane title={t('explain.title')} onClose={props.onClose}>
      <form className="flex flex-col gap-3 border-line border-b px-4 py-3" onSubmit={ask}>
        <p className="text-soft">{t('explain.text')}</p>
        <Field label={t('explain.target')}>
          <TextInput
            required
            autoFocus
            className="font-mono"
            value={target}
            placeholder="https://example.com/"
            onChange={(event) => setTarget(event.target.value)}
          />
        </Field>
        <details>
          <summary className="text-soft">{t('explain.more')}</summary>
          <div className="mt-2 grid gap-3 sm:grid-cols-2">
            {clientField('sourceIp', t('explain.from'), '127.0.0.1')}
            {clientField('process', t('explain.process'), '')}
            {clientField('inboundName', t('explain.inbound'), '')}
            {clientField('user', t('connections.user'), '')}
          </div>
        </details>
        <div className="flex items-center gap-2">
          <Segmented
            label={t('connections.network')}
            value={network}
            options={[
              { value: 'tcp', label: 'TCP' },
              { value: 'udp', label: 'UDP' },
            ]}
            onChange={setNetwork}
          />
          <Button look="primary" icon="explain" submit className="ml-auto" disabled={isPending}>
            {t('explain.title')}
          </Button>
        </div>
      </form>
      {error !== null && (
        <p role="alert" className="px-4 py-3 text-bad">
          {error.message}
        </p>
      )}
      {error === null && data !== undefined && (
        <>
          <Outcome explanation={data} />
          <ExplainStory steps={data.steps} />
        </>
      )}
    </SidePane>
  );
}

function Outcome({ explanation }: { readonly explanation: ExplanationReply }) {
  const { t } = useText();
  const { chain, rule, rulePayload, destinationIp, inspected } = explanation;
  if (chain.length === 0) return <p className="px-4 pt-3 font-semibold text-bad">{t('explain.fails')}</p>;
  const name = rulePayload === '' ? rule : `${rule},${rulePayload}`;
  return (
    <section aria-label={t('explain.result')} className="px-4 pt-3">
      <p className="flex flex-wrap items-center gap-2 font-semibold text-sm">
        {chain.join(' › ')}
        {inspected && <Badge tone="accent">{t('connections.inspected')}</Badge>}
      </p>
      <p className="text-soft">
        {[...(rule === '' ? [] : [t('explain.by', { rule: name })]), destinationIp]
          .filter((part) => part !== '')
          .join(' · ')}
      </p>
    </section>
  );
}
