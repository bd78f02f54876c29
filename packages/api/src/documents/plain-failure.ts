import type { HttpFailure, HttpReply } from '@sluice/core/http/dialect';

const TEXT = 'text/plain; charset=utf-8';

/** Failures of pages that have no product's wording to keep: one line of text. */
export function plainFailure(failure: HttpFailure): HttpReply {
  switch (failure.kind) {
    case 'not-found':
      return { status: 404, contentType: TEXT, body: 'not found\n' };
    case 'cross-site':
      return { status: 403, contentType: TEXT, body: 'this origin or host name is not allowed\n' };
    case 'thrown':
      return { status: 500, contentType: TEXT, body: 'internal error\n' };
    default:
      return { status: 400, contentType: TEXT, body: 'bad request\n' };
  }
}
