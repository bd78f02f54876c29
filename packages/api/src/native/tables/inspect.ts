import { GatewayError } from '@sluice/base/errors';
import Type from 'typebox';
import type { NativeDependencies } from '../dependencies.ts';
import { type ExchangeFeed, exchangeMatches } from '../exchange-feed.ts';
import { exchangeDetailOf } from '../mapping.ts';
import {
  CaBody,
  CaFormatName,
  Done,
  ExchangeBatchBody,
  ExchangeDetailBody,
  ExchangesBody,
  Removed,
  ResponseRuleBody,
  ResponseRuleInputBody,
  ResponseRulesBody,
} from '../schemas.ts';
import { download, type NativeRoute, type NativeStream, route, stream } from '../table.ts';
import { DONE, IdParams } from './common.ts';

const Filter = Type.Optional(
  Type.String({ maxLength: 500, description: 'keyword over method, URL and status' }),
);
const ExchangesQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  before: Type.Optional(Type.Integer({ minimum: 0, description: 'only exchanges with a smaller sequence' })),
  filter: Filter,
});
const DEFAULT_EXCHANGES = 200;

const CA_CONTENT_TYPES = {
  pem: 'application/x-pem-file',
  der: 'application/x-x509-ca-cert',
  p12: 'application/x-pkcs12',
} as const;

export function inspectRoutes(deps: NativeDependencies): NativeRoute[] {
  return [...exchangeRoutes(deps), ...responseRuleRoutes(deps), ...caRoutes(deps)];
}

function exchangeRoutes({ inspect }: NativeDependencies): NativeRoute[] {
  return [
    route({
      method: 'GET',
      path: '/exchanges',
      summary: 'Captured exchanges, newest first',
      query: ExchangesQuery,
      reply: ExchangesBody,
      async handle({ query }) {
        const limit = query.limit ?? DEFAULT_EXCHANGES;
        const exchanges = await inspect.exchanges({
          limit,
          ...(query.before === undefined ? {} : { beforeSequence: query.before }),
          ...(query.filter ? { filter: query.filter } : {}),
        });
        const nextBefore = exchanges.length < limit ? null : (exchanges.at(-1)?.sequence ?? null);
        return { total: inspect.exchangeCount(), exchanges, nextBefore };
      },
    }),
    route({
      method: 'GET',
      path: '/exchanges/:id',
      summary: 'One exchange with headers and bodies',
      params: IdParams,
      reply: ExchangeDetailBody,
      async handle({ params }) {
        const detail = await inspect.exchange(params.id);
        if (detail === undefined) {
          throw new GatewayError(
            'not-found',
            'inspect.exchange-not-found',
            `no exchange ${params.id} is stored`,
          );
        }
        return exchangeDetailOf(detail);
      },
    }),
    route({
      method: 'DELETE',
      path: '/exchanges',
      summary: 'Deletes every captured exchange',
      reply: Removed,
      async handle() {
        const removed = inspect.exchangeCount();
        await inspect.deleteAll();
        return { removed };
      },
    }),
    route({
      method: 'DELETE',
      path: '/exchanges/:id',
      summary: 'Deletes one exchange with its bodies',
      params: IdParams,
      reply: Removed,
      async handle({ params }) {
        const detail = await inspect.exchange(params.id);
        if (detail === undefined) return { removed: 0 };
        return { removed: (await inspect.deleteRequest(detail.request.id)).count };
      },
    }),
  ];
}

function responseRuleRoutes({ inspect }: NativeDependencies): NativeRoute[] {
  return [
    route({
      method: 'GET',
      path: '/response-rules',
      summary: 'Rules that change what clients receive',
      reply: ResponseRulesBody,
      handle: () => ({ rules: inspect.responseRules() }),
    }),
    route({
      method: 'POST',
      path: '/response-rules',
      summary: 'Adds a response rule',
      body: ResponseRuleInputBody,
      reply: ResponseRuleBody,
      handle: ({ body }) => inspect.createResponseRule(body),
    }),
    route({
      method: 'PATCH',
      path: '/response-rules/:id',
      summary: 'Changes the given members of a response rule',
      params: IdParams,
      body: ResponseRuleInputBody,
      reply: ResponseRuleBody,
      handle: ({ params, body }) => inspect.updateResponseRule(params.id, body),
    }),
    route({
      method: 'DELETE',
      path: '/response-rules/:id',
      summary: 'Deletes a response rule',
      params: IdParams,
      reply: Done,
      handle({ params }) {
        if (!inspect.deleteResponseRule(params.id)) {
          throw new GatewayError(
            'not-found',
            'inspect.rule-not-found',
            `there is no response rule ${params.id}`,
          );
        }
        return DONE;
      },
    }),
  ];
}

function caRoutes({ inspect }: NativeDependencies): NativeRoute[] {
  return [
    route({
      method: 'GET',
      path: '/ca',
      summary: 'The certificate authority, without its key',
      reply: CaBody,
      handle: () => inspect.ca(),
    }),
    download({
      path: '/ca/file',
      summary: 'The certificate as a file to install in clients',
      query: Type.Object({ format: Type.Optional(CaFormatName) }),
      async handle(query) {
        const format = query.format ?? 'pem';
        return {
          fileName: `sluice-ca.${format === 'der' ? 'cer' : format}`,
          contentType: CA_CONTENT_TYPES[format],
          bytes: await inspect.exportCa(format),
        };
      },
    }),
  ];
}

export function inspectStreams(feed: ExchangeFeed): NativeStream[] {
  return [
    stream({
      path: '/exchanges/stream',
      summary: 'Exchanges as they are stored, in batches',
      query: Type.Object({ filter: Filter }),
      item: ExchangeBatchBody,
      open({ filter }, push) {
        let lost = false;
        return feed.watch((batch) => {
          const exchanges = filter
            ? batch.exchanges.filter((exchange) => exchangeMatches(exchange, filter))
            : batch.exchanges;
          const skipped = batch.skipped || lost;
          if (exchanges.length > 0 || skipped) lost = !push({ ...batch, exchanges, skipped });
        });
      },
    }),
  ];
}
