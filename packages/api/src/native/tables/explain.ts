import { isIP } from 'node:net';
import { GatewayError } from '@sluice/base/errors';
import type { ExplainRequest } from '@sluice/route/port';
import type { NativeDependencies } from '../dependencies.ts';
import { normalHost, parseExplainTarget } from '../explain-target.ts';
import { explanationOf } from '../route-mapping.ts';
import {
  ExplainBody,
  ExplanationBody,
  TemporaryRuleBody,
  TemporaryRuleInputBody,
  TemporaryRulesBody,
} from '../route-schemas.ts';
import { Done } from '../schemas.ts';
import { type NativeRoute, route } from '../table.ts';
import type { ExplainInput } from '../types.ts';
import { DONE, IdParams } from './common.ts';

const LOCAL_CLIENT = '127.0.0.1';

export function explainRoutes({ route: control, clock }: NativeDependencies): NativeRoute[] {
  return [
    route({
      method: 'POST',
      path: '/route/explain',
      summary: 'What would happen to a connection now: rules tried, names resolved, groups asked',
      body: ExplainBody,
      reply: ExplanationBody,
      handle: async ({ body }) => explanationOf(await control.explain(explainRequestOf(body))),
    }),
    route({
      method: 'GET',
      path: '/route/temporary-rules',
      summary: 'Rules that are tried before all others until they expire',
      reply: TemporaryRulesBody,
      handle: () => ({ timeMs: clock.now(), rules: control.temporaryRules() }),
    }),
    route({
      method: 'POST',
      path: '/route/temporary-rules',
      summary: 'Adds a rule that expires by itself; it does not survive a restart',
      body: TemporaryRuleInputBody,
      reply: TemporaryRuleBody,
      handle: ({ body }) => control.addTemporaryRule(body.line.trim(), body.ttlSeconds),
    }),
    route({
      method: 'DELETE',
      path: '/route/temporary-rules/:id',
      summary: 'Removes a rule before it expires',
      params: IdParams,
      reply: Done,
      handle({ params }) {
        if (!control.removeTemporaryRule(params.id)) {
          throw new GatewayError(
            'not-found',
            'route.temporary-rule-not-found',
            `there is no temporary rule ${params.id}; it may have expired`,
          );
        }
        return DONE;
      },
    }),
  ];
}

function explainRequestOf(input: ExplainInput): ExplainRequest {
  const sourceIp = input.sourceIp || LOCAL_CLIENT;
  if (isIP(sourceIp) === 0) {
    throw new GatewayError('invalid', 'api.source', `sourceIp: expected an IP address, found "${sourceIp}"`);
  }
  return {
    ...targetOf(input),
    network: input.network ?? 'tcp',
    sourceIp,
    ...(input.inboundName === undefined ? {} : { inboundName: input.inboundName }),
    ...(input.inboundType === undefined ? {} : { inboundType: input.inboundType }),
    ...(input.user === undefined ? {} : { inboundUser: input.user }),
    ...(input.process === undefined ? {} : { process: input.process }),
  };
}

function targetOf({ target, host, port }: ExplainInput): { host: string; port: number } {
  if (target !== undefined) {
    const parsed = parseExplainTarget(target);
    return { host: parsed.host, port: port ?? parsed.port };
  }
  if (host === undefined || port === undefined) {
    throw new GatewayError('invalid', 'api.target', 'expected target, or host and port; found neither');
  }
  return { host: normalHost(host), port };
}
