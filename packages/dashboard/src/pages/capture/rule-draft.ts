import type { ExchangeDetail, ResponseRuleInput } from '@sluice/api/native/types';
import { createStore } from '../../lib/store.ts';
import { headerOf } from './body.ts';

/** A rule being written: its id when it exists already. */
export type RuleDraft = { readonly id: string | undefined; readonly input: ResponseRuleInput };

/** The rule in the editor, if it is open. */
export const editedRule = createStore<RuleDraft | undefined>(undefined);

export function startRule(input: ResponseRuleInput = {}, id?: string): void {
  editedRule.set({ id, input });
}

/** A rule that would repeat this exchange's answer, for the user to change. */
export function ruleDraftFrom({ summary, request, response }: ExchangeDetail): ResponseRuleInput {
  const path = URL.canParse(request.url) ? new URL(request.url).pathname : '/';
  const contentType = headerOf(response?.headers ?? [], 'content-type');
  return {
    name: `${request.method} ${path}`.slice(0, 200),
    host: summary.host,
    pathRegex: `^${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`,
    method: request.method,
    enabled: true,
    responseStatus: response?.status ?? 200,
    responseBody: response?.bodyEncoding === 'utf8' ? response.bodyText : null,
    responseHeaders: contentType === '' ? {} : { 'content-type': contentType },
  };
}
