import type { AdminRow } from './table.ts';
import { TEXTS } from './texts.ts';
import { failure } from './wire.ts';

const UNAVAILABLE: readonly (readonly [AdminRow['method'], string, string])[] = [
  ['GET', '/admin/intercept-status', 'State of the interception switch'],
  ['POST', '/admin/intercept-status', 'Set the interception switch'],
  ['GET', '/admin/intercept-rules', 'All intercept rules'],
  ['POST', '/admin/intercept-rules', 'Add an intercept rule'],
  ['GET', '/admin/intercept-rules/:id', 'One intercept rule'],
  ['PUT', '/admin/intercept-rules/:id', 'Change an intercept rule'],
  ['DELETE', '/admin/intercept-rules/:id', 'Remove an intercept rule'],
  ['PATCH', '/admin/intercept-rules/:id/enable', 'Switch an intercept rule on'],
  ['PATCH', '/admin/intercept-rules/:id/disable', 'Switch an intercept rule off'],
  ['GET', '/admin/intercept-stats', 'Counts of intercepted requests'],
  ['GET', '/admin/intercepted-requests-paginated', 'Intercepted requests'],
  ['GET', '/admin/intercepted-requests/:id', 'One intercepted request'],
  ['DELETE', '/admin/intercepted-requests/:id', 'Delete an intercepted request'],
  ['POST', '/admin/intercepted-requests/:id/release', 'Release an intercepted request'],
  ['POST', '/admin/intercepted-requests/batch-release', 'Release several intercepted requests'],
  ['POST', '/admin/intercepted-requests/clear', 'Delete all intercepted requests'],
  ['DELETE', '/admin/intercepted-requests', 'Delete all intercepted requests'],
  ['GET', '/admin/modified-responses', 'All modified responses'],
  ['GET', '/admin/capture-status', 'State of the capture switch'],
  ['POST', '/admin/capture-status', 'Set the capture switch'],
  ['GET', '/admin/capture-rules', 'All capture rules'],
  ['POST', '/admin/capture-rules', 'Add a capture rule'],
  ['PATCH', '/admin/capture-rules/:id/enable', 'Switch a capture rule on'],
  ['PATCH', '/admin/capture-rules/:id/disable', 'Switch a capture rule off'],
  ['DELETE', '/admin/capture-rules/:id', 'Remove a capture rule'],
  ['DELETE', '/admin/capture-rules', 'Remove all capture rules'],
  ['GET', '/admin/volcengine/models', 'Language models'],
  ['POST', '/admin/volcengine/chat', 'Chat with a language model'],
  ['POST', '/admin/volcengine/embeddings', 'Embed texts'],
  ['POST', '/api/capture/request', 'Hand over a request from a script'],
  ['POST', '/api/capture/response', 'Hand over a response from a script'],
  ['POST', '/api/capture/response/modify', 'Ask how a response is to be changed'],
];

/** Paths of the product that this gateway knows and does not serve; they say so instead of pretending to be unknown. */
export function unavailableRows(): readonly AdminRow[] {
  return UNAVAILABLE.map(([method, path, summary]) => ({
    method,
    path,
    summary,
    replies: { 501: { description: 'Not available' } },
    answer: () => failure(501, TEXTS.notAvailable),
  }));
}
