import fastifySwagger from '@fastify/swagger';
import fastifySwaggerUi from '@fastify/swagger-ui';
import type { HttpDialect } from '@sluice/core/http/dialect';
import { plainFailure } from './plain-failure.ts';

/** `/docs`: a page to read and try the APIs, from one OpenAPI document (also at `/docs/json` and `/docs/yaml`). */
export function createDocsDialect(options: { readonly document: object }): HttpDialect {
  return {
    name: 'docs',
    prefixes: ['/docs'],
    caseSensitive: true,
    ignoreTrailingSlash: true,
    bodyLimitBytes: 1024,
    bodies: 'raw',
    browserPolicy: 'same-site',
    async register(app) {
      await app.register(fastifySwagger, {
        mode: 'static',
        specification: { document: options.document as never },
      });
      await app.register(fastifySwaggerUi, {
        routePrefix: '/docs',
        uiConfig: { docExpansion: 'none', filter: true },
      });
    },
    fail: plainFailure,
  };
}
