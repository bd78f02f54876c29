import type { HttpDialect } from '@sluice/core/http/dialect';
import { bearerCredentials, secretMatches } from '@sluice/core/http/secret';
import type { Metrics } from '@sluice/core/metrics';
import { plainFailure } from './plain-failure.ts';

/** `GET /metrics`: the Prometheus exposition, behind the control secret when there is one. */
export function createMetricsDialect(options: {
  readonly metrics: Metrics;
  readonly secret: string;
}): HttpDialect {
  const { metrics, secret } = options;
  return {
    name: 'metrics',
    prefixes: ['/metrics'],
    caseSensitive: true,
    ignoreTrailingSlash: false,
    bodyLimitBytes: 1024,
    bodies: 'raw',
    browserPolicy: 'same-site',
    register(app) {
      app.get('/metrics', async (request, reply) => {
        if (secret !== '' && !secretMatches(bearerCredentials(request.headers.authorization) ?? '', secret)) {
          return reply.code(401).type('text/plain; charset=utf-8').send('the secret is missing or wrong\n');
        }
        const { contentType, text } = await metrics.expose();
        return reply.type(contentType).send(text);
      });
    },
    fail: plainFailure,
  };
}
