import type { Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { relative, resolve, sep } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Answers with the file or directory at a decoded path below the root; false, with nothing sent, when there is none. */
export type ServePath = (request: FastifyRequest, reply: FastifyReply, path: string) => Promise<boolean>;

const INDEX = 'index.html';
const MAX_LISTED = 1_000;

/**
 * Prepares to serve a directory: ranges and conditional requests, `index.html` for directories, a plain listing without
 * one, and redirects to canonical addresses. Symbolic links that lead out of the root are not followed.
 */
export async function openDirectory(app: FastifyInstance, root: string): Promise<ServePath> {
  const { fastifyStatic } = await import('@fastify/static');
  await app.register(fastifyStatic, { serve: false, cacheControl: false, etag: false, dotfiles: 'allow' });
  return async (request, reply, path) => {
    const found = await locate(root, path);
    if (found === undefined) return false;
    if (!found.stats.isDirectory()) return serveFile(reply, found, path);
    if (path !== '' && !path.endsWith('/')) {
      redirect(reply, `${lastSegment(request)}/`);
      return true;
    }
    const index = await locate(root, `${path}${INDEX}`);
    if (index?.stats.isFile() === true) reply.sendFile(index.name, index.root);
    else reply.type('text/html; charset=utf-8').send(await listing(resolve(found.root, found.name)));
    return true;
  };
}

type Located = { readonly root: string; readonly name: string; readonly stats: Stats };

async function locate(root: string, path: string): Promise<Located | undefined> {
  if (path.includes('\0') || path.split(/[\\/]/).includes('..')) return undefined;
  try {
    const realRoot = await realpath(root);
    const real = await realpath(resolve(realRoot, `./${path}`));
    const name = relative(realRoot, real);
    if (name === '..' || name.startsWith(`..${sep}`)) return undefined;
    return { root: realRoot, name, stats: await stat(real) };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG' || code === 'ELOOP';
}

function serveFile(reply: FastifyReply, { root, name }: Located, path: string): boolean {
  if (path.endsWith('/')) return false;
  if (path === INDEX || path.endsWith(`/${INDEX}`)) redirect(reply, './');
  else reply.sendFile(name, root);
  return true;
}

function redirect(reply: FastifyReply, location: string): void {
  reply.code(301).header('location', location).send();
}

function lastSegment(request: FastifyRequest): string {
  const path = request.raw.url?.split('?', 1)[0] ?? '';
  return path.slice(path.lastIndexOf('/') + 1);
}

async function listing(directory: string): Promise<string> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
  const lines = names
    .slice(0, MAX_LISTED)
    .map(
      (name) =>
        `<a href="./${encodeURI(name).replace(/[?#]/g, encodeURIComponent)}">${escapeHtml(name)}</a>\n`,
    );
  return `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${lines.join('')}</pre>\n`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
