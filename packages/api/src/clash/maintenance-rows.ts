import { errorText, GatewayError } from '@sluice/base/errors';
import type { HttpReply } from '@sluice/core/http/dialect';
import type { ClashOptions, UpgradeRequest } from './options.ts';
import type { ClashAnswer, ClashRow } from './table.ts';
import { json, message, NO_CONTENT } from './wire.ts';

const OK = json({ status: 'ok' });
const OK_OR_FAILED = { 200: { description: '`status`: `ok`' }, 500: { description: 'Why it failed' } };

/** `/cache`, `/configs/geo`, `/restart` and `/upgrade`: none of them reads a body. */
export function maintenanceRows(options: ClashOptions): readonly ClashRow[] {
  const { route, lifecycle } = options;
  const post = { method: 'POST', area: 'mounted' } as const;
  const updateGeo: ClashRow = {
    ...post,
    path: '/configs/geo',
    summary: 'Download the geo databases in use again',
    replies: { 204: { description: 'Downloaded' }, 500: { description: 'Why it failed' } },
    answer: () => orFailure(() => route.geo.update(), NO_CONTENT),
  };
  return [
    {
      ...post,
      path: '/cache/fakeip/flush',
      summary: 'Forget the fake addresses that were given out',
      replies: { 204: { description: 'Forgotten' }, 400: { description: 'The store failed' } },
      answer: () => {
        try {
          route.dns.flushFakeIp();
        } catch (error) {
          return message(400, errorText(error));
        }
        return NO_CONTENT;
      },
    },
    {
      ...post,
      path: '/cache/dns/flush',
      summary: 'Forget the cached DNS answers',
      replies: { 204: { description: 'Forgotten' } },
      answer: () => {
        route.dns.flushCache();
        return NO_CONTENT;
      },
    },
    updateGeo,
    { ...updateGeo, path: '/upgrade/geo' },
    {
      ...post,
      path: '/restart',
      trailingSlash: true,
      summary: 'Run the program again in place of this one',
      replies: OK_OR_FAILED,
      answer: () => restart(options),
    },
    {
      ...post,
      path: '/upgrade',
      trailingSlash: true,
      summary: 'Install another version and run it in place of this one',
      query: {
        channel: { description: '`release` or `alpha`; that of the running version by default' },
        force: { description: '`true` installs even the version that runs' },
      },
      replies: OK_OR_FAILED,
      answer: async ({ query }) => {
        try {
          await lifecycle.upgrade(upgradeRequest(query));
        } catch (error) {
          return message(500, errorText(error));
        }
        return restart(options);
      },
    },
    {
      ...post,
      path: '/upgrade/ui',
      summary: 'Replace the external web interface by a fresh download',
      replies: OK_OR_FAILED,
      answer: () => orFailure(() => route.updateUi(), OK),
    },
  ];
}

function upgradeRequest(query: URLSearchParams): UpgradeRequest {
  const channel = query.get('channel')?.toLowerCase();
  return {
    channel: channel === 'release' || channel === 'alpha' ? channel : undefined,
    force: query.get('force') === 'true',
  };
}

async function restart({ lifecycle, log }: ClashOptions): Promise<ClashAnswer> {
  try {
    await lifecycle.checkRestart();
  } catch (error) {
    return message(500, `getting path: ${errorText(error)}`);
  }
  return {
    ...OK,
    afterwards: () => {
      lifecycle.restart().catch((error: unknown) => log.error(`restart failed: ${errorText(error)}`));
    },
  };
}

async function orFailure(act: () => Promise<void>, done: HttpReply): Promise<HttpReply> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return message(500, errorText(error));
  }
  return done;
}
