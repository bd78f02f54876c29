import { sendReply } from '@sluice/core/http/reply';
import { openDirectory } from '@sluice/core/http/static-files';
import type { FastifyInstance } from 'fastify';
import type { OperationDoc } from '../openapi.ts';
import type { ClashRouteConfig } from './table.ts';
import { PAGE_NOT_FOUND } from './wire.ts';

const CONFIG: { readonly get: ClashRouteConfig; readonly other: ClashRouteConfig } = {
  get: { area: 'public', wrongMethod: false },
  other: { area: 'public', wrongMethod: true },
};

/** The operations for the OpenAPI document. */
export const UI_OPERATIONS: readonly OperationDoc[] = [
  {
    method: 'GET',
    path: '/ui',
    summary: 'The external web interface',
    replies: { 307: { description: 'To `/ui/`' } },
  },
  {
    method: 'GET',
    path: '/ui/:file',
    summary: 'A file of the external web interface; `file` may have several segments',
    replies: {
      200: { description: 'The file, or the listing of a directory without index' },
      301: { description: 'To the canonical address of a directory' },
      404: { description: 'No such file' },
    },
  },
];

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
