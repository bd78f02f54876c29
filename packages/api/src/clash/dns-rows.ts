import { errorText, GatewayError } from '@sluice/base/errors';
import type { HttpReply } from '@sluice/core/http/dialect';
import type { DnsAnswerView, DnsControl, DnsRecordView } from '@sluice/route/port';
import type { ClashOptions } from './options.ts';
import type { ClashRow } from './table.ts';
import { json, message } from './wire.ts';

/** What every DNS endpoint says while there is no resolver. */
export const DNS_DISABLED = 'DNS section is disabled';

/** `/dns/query`. */
export function dnsRows({ route: { dns } }: ClashOptions): readonly ClashRow[] {
  return [
    {
      method: 'GET',
      path: '/dns/query',
      area: 'mounted',
      summary: 'Ask the upstream resolvers; hosts and fake addresses are left out',
      query: {
        name: { description: 'Domain name', required: true },
        type: { description: 'Record type in upper case, `A` by default' },
      },
      replies: {
        200: { description: 'The answer, whatever its RCODE' },
        400: { description: 'Unknown type' },
        500: { description: 'DNS is off, or no upstream answered' },
      },
      answer: ({ query }) => answerQuery(dns, query.get('name') ?? '', query.get('type') || 'A'),
    },
  ];
}

async function answerQuery(dns: DnsControl, name: string, type: string): Promise<HttpReply> {
  if (!dns.enabled) return message(500, DNS_DISABLED);
  try {
    return json(answerObject(await dns.query(name.endsWith('.') ? name : `${name}.`, type)));
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return message(error.code === 'dns.type' ? 400 : 500, errorText(error));
  }
}

/** The members sorted by name, lists of records only when there are any. */
function answerObject(view: DnsAnswerView): object {
  const { name, type, class: qclass } = view.question;
  return {
    AD: view.authenticData,
    Additional: recordObjects(view.additionals),
    Answer: recordObjects(view.answers),
    Authority: recordObjects(view.authorities),
    CD: view.checkingDisabled,
    Question: [{ Name: name, Qtype: type, Qclass: qclass }],
    RA: view.recursionAvailable,
    RD: view.recursionDesired,
    Status: view.status,
    TC: view.truncated,
  };
}

function recordObjects(records: readonly DnsRecordView[]): readonly object[] | undefined {
  if (records.length === 0) return undefined;
  return records.map(({ ttl, data, name, type }) => ({ TTL: ttl, data, name, type }));
}
