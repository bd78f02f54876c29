import type { RouteModeName } from '@sluice/api/native/types';
import type { MessageKey } from '../text/text.ts';

export const MODES: readonly RouteModeName[] = ['rule', 'global', 'direct'];

export const MODE_KEYS: Readonly<Record<RouteModeName, MessageKey>> = {
  rule: 'mode.rule',
  global: 'mode.global',
  direct: 'mode.direct',
};
