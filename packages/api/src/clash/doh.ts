import { errorText, GatewayError } from '@sluice/base/errors';
import type { HttpReply } from '@sluice/core/http/dialect';
import type { DnsControl } from '@sluice/route/port';
import type { FastifyInstance } from 'fastify';
import type { OperationDoc } from '../openapi.ts';
import { DNS_DISABLED } from './dns-rows.ts';
import type { ClashOptions } from './options.ts';
import { type ClashRequest, type ClashRow, ROUTED_METHODS, registerRows } from './table.ts';
import { plainText } from './wire.ts';

const DNS_TYPE = 'application/dns-message';
const MAX_QUERY_BYTES = 65_535;
const MAX_REPLY_BYTES = 2_048;

/** Serves DNS over HTTPS (RFC 8484) at the configured path and below it, without the secret. */
export function registerDoh(app: FastifyInstance, options: ClashOptions): void {
  const { dohPath, log } = options;
  const root = dohPath.replace(/\/$/, '');
  const rows = [dohPath, `${root}/*`].map((path): ClashRow => dohRow(options, path));
  const taken = rows.some(({ path }) => ROUTED_METHODS.some((method) => app.hasRoute({ url: path, method })));
  if (taken)
    log.error(`external-doh-server: ${dohPath} is a path of the API itself, DNS over HTTPS is not served`);
  else registerRows(app, rows);
}

/** The operations for the OpenAPI document. */
export function dohOperations(path: string): readonly OperationDoc[] {
  const replies = {
    200: { description: 'The answer as a DNS message', contentType: DNS_TYPE, schema: { type: 'string' } },
    500: { description: 'DNS is off, or the message cannot be read' },
  };
  return [
    {
      method: 'GET',
      path,
      summary: 'DNS over HTTPS',
      query: { dns: { description: 'The query message in unpadded base64url', required: true } },
      replies,
    },
    { method: 'POST', path, summary: 'DNS over HTTPS, the query message as body', replies },
  ];
}

function dohRow({ route }: ClashOptions, path: string): ClashRow {
  return {
    method: 'GET',
    path,
    area: 'public',
    anyMethod: true,
    summary: 'DNS over HTTPS',
    replies: {},
    answer: (request) => answerDoh(route.dns, request),
  };
}

async function answerDoh(dns: DnsControl, request: ClashRequest): Promise<HttpReply> {
  if (!dns.enabled) return plainText(500, DNS_DISABLED);
  const message = request.method === 'GET' ? fromQuery(request) : fromBody(request);
  if (!(message instanceof Uint8Array)) return message;
  try {
    const body = await dns.answer(message, request.client, MAX_REPLY_BYTES);
    return { status: 200, contentType: DNS_TYPE, body };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return plainText(500, errorText(error));
  }
}

function fromQuery({ query }: ClashRequest): Uint8Array | HttpReply {
  const text = query.get('dns') ?? '';
  const illegal = text.search(/[^\w-]/);
  if (illegal >= 0) return plainText(500, `illegal base64 data at input byte ${illegal}`);
  if (text.length % 4 === 1) return plainText(500, `illegal base64 data at input byte ${text.length - 1}`);
  return Buffer.from(text, 'base64url');
}

function fromBody({ method, headers, body }: ClashRequest): Uint8Array | HttpReply {
  if (method !== 'POST') return plainText(405, 'method not allowed');
  if (headers['content-type'] !== DNS_TYPE) return plainText(500, 'invalid content-type');
  return (body ?? new Uint8Array()).subarray(0, MAX_QUERY_BYTES);
}
