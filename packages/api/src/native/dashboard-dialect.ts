import { existsSync } from 'node:fs';
import type { HttpDialect, HttpFailure, HttpReply } from '@sluice/core/http/dialect';

const TEXT = 'text/plain; charset=utf-8';

/** Everything the page loads comes from its own origin; styles may be inline because charts set them. */
const PAGE_POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; " +
  "worker-src 'self' blob:; connect-src 'self' ws: wss: http: https:; frame-ancestors 'none'; base-uri 'self'";

/** Serves the built dashboard below `/ui/`; a hint instead while it has not been built. */
export function createDashboardDialect(options: { readonly directory: string }): HttpDialect {
  return {
    name: 'dashboard',
    prefixes: ['/ui'],
    caseSensitive: true,
    ignoreTrailingSlash: false,
    bodyLimitBytes: 1024,
    bodies: 'raw',
    browserPolicy: 'same-site',
    async register(app) {
      app.addHook('onSend', async (_request, reply) => {
        reply.header('x-content-type-options', 'nosniff');
        reply.header('content-security-policy', PAGE_POLICY);
        reply.header('referrer-policy', 'no-referrer');
      });
      app.get('/ui', (_request, reply) => reply.redirect('/ui/', 308));
      if (!existsSync(options.directory)) {
        app.get('/ui/', (_request, reply) =>
          reply.code(503).type(TEXT).send('The dashboard has not been built: run `npm start` once.\n'),
        );
        return;
      }
      const { fastifyStatic } = await import('@fastify/static');
      await app.register(fastifyStatic, {
        root: options.directory,
        prefix: '/ui/',
        // Names of built files hold a hash of their content; index.html does not.
        setHeaders: (reply, path) =>
          void reply.header(
            'cache-control',
            path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
          ),
      });
    },
    fail,
  };
}

function fail(failure: HttpFailure): HttpReply {
  if (failure.kind === 'cross-site') return { status: 403, contentType: TEXT, body: 'refused\n' };
  if (failure.kind === 'thrown')
    return { status: 500, contentType: TEXT, body: 'cannot read the dashboard\n' };
  return { status: 404, contentType: TEXT, body: 'not found\n' };
}
