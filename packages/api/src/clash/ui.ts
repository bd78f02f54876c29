import { sendReply } from '@sluice/core/http/reply';
import { openDirectory } from '@sluice/core/http/static-files';
import type { FastifyInstance } from 'fastify';
import type { ClashRouteConfig } from './table.ts';
import { PAGE_NOT_FOUND } from './wire.ts';

const CONFIG: { readonly get: ClashRouteConfig; readonly other: ClashRouteConfig } = {
  get: { area: 'public', wrongMethod: false },
  other: { area: 'public', wrongMethod: true },
};

/** Serves a dashboard's files at `/ui/`, without the secret. */
export async function registerUi(app: FastifyInstance, root: string): Promise<void> {
  const serve = await openDirectory(app, root);
  app.get('/ui', { config: CONFIG.get }, (_request, reply) =>
    sendReply(reply, {
      status: 307,
      contentType: 'text/html; charset=utf-8',
      headers: { location: '/ui/' },
      body: '<a href="/ui/">Temporary Redirect</a>.\n\n',
    }),
  );
  app.get('/ui/*', { config: CONFIG.get }, async (request, reply) => {
    const path = (request.params as { '*': string })['*'];
    return (await serve(request, reply, path)) ? reply : sendReply(reply, PAGE_NOT_FOUND);
  });
  for (const url of ['/ui', '/ui/*']) {
    app.route({
      method: ['HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'],
      url,
      config: CONFIG.other,
      handler: (_request, reply) => reply.code(405).header('allow', 'GET').send(),
    });
  }
}
