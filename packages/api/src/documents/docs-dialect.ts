import type { HttpDialect } from '@sluice/core/http/dialect';
import { plainFailure } from './plain-failure.ts';

/** `/docs`: a page to read and try the APIs, from one OpenAPI document (also at `/docs/json` and `/docs/yaml`). */
export function createDocsDialect(options: { document(): object }): HttpDialect {
  return {
    name: 'docs',
    prefixes: ['/docs'],
    caseSensitive: true,
    ignoreTrailingSlash: true,
    bodyLimitBytes: 1024,
    bodies: 'raw',
    browserPolicy: 'same-site',
    async register(app) {
      const { fastifySwagger } = await import('@fastify/swagger');
      const { fastifySwaggerUi } = await import('@fastify/swagger-ui');
      await app.register(fastifySwagger, {
        mode: 'static',
        specification: { document: options.document() as never },
      });
      await app.register(fastifySwaggerUi, {
        routePrefix: '/docs',
        uiConfig: { docExpansion: 'none', filter: true },
        theme: {
          title: 'Sluice API',
          css: [{ filename: 'theme.css', content: '.swagger-ui .topbar { display: none }' }],
        },
      });
    },
    fail: plainFailure,
  };
}
