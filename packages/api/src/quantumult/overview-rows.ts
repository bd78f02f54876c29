import type { Clock } from '@sluice/base/clock';
import type { CollectionStatus, InspectControl } from '@sluice/inspect/port';
import { pageBody, parseHours, parsePageQuery } from './page-query.ts';
import type { AdminRequest, AdminRow } from './table.ts';
import { TEXTS } from './texts.ts';
import { isoTime, json, refusal } from './wire.ts';

const CONFIRMATION = 'YES_DELETE_ALL';
const CONFIRM_SCHEMA = { type: 'object', properties: { confirm: { const: CONFIRMATION } } };

/** Hosts, statistics, storage status and the removal of everything. */
export function overviewRows(inspect: InspectControl, clock: Clock): readonly AdminRow[] {
  const clearAll = async ({ body }: AdminRequest) => {
    if (body.confirm !== CONFIRMATION) return refusal(400, TEXTS.confirmMissing);
    await inspect.deleteAll();
    return json({ success: true, message: TEXTS.allDataCleared });
  };
  const cleared = { 200: { description: 'Cleared' }, 400: { description: 'The confirmation is missing' } };
  return [
    {
      method: 'GET',
      path: '/admin/hosts',
      summary: 'Hosts seen so far',
      replies: { 200: { description: 'An array of host names' } },
      answer: async () => json(await inspect.hosts()),
    },
    {
      method: 'GET',
      path: '/admin/hosts-paginated',
      summary: 'Hosts by name',
      query: {
        page: { description: 'From 1' },
        limit: { description: 'Rows per page' },
        keyword: { description: 'Part of the name' },
      },
      replies: { 200: { description: '`data` and `pagination`' } },
      answer: async ({ query }) => {
        const paging = parsePageQuery(query);
        const keyword = (paging.keyword ?? '').toLowerCase();
        const hosts = (await inspect.hosts()).filter((host) => host.toLowerCase().includes(keyword));
        const start = (paging.page - 1) * paging.limit;
        const rows = hosts.sort((a, b) => a.localeCompare(b)).slice(start, start + paging.limit);
        return json(pageBody({ rows, total: hosts.length, partial: false }, paging));
      },
    },
    {
      method: 'GET',
      path: '/admin/hosts/active',
      summary: 'Hosts with responses in the last hours, busiest first',
      query: { hours: { description: '24 by default', schema: { type: 'integer' } } },
      replies: { 200: { description: '`timeRange` and `hosts`' } },
      answer: async ({ query }) => {
        const hours = parseHours(query);
        const hosts = await inspect.activeHosts(hours);
        return json({
          timeRange: TEXTS.hours(hours),
          hosts: hosts.map(({ hostname, count, lastActiveMs }) => ({
            hostname,
            count,
            lastActive: isoTime(lastActiveMs),
          })),
        });
      },
    },
    {
      method: 'GET',
      path: '/admin/stats',
      summary: 'Counts in total and by host',
      replies: { 200: { description: 'Totals, `hosts` and `lastUpdated`' } },
      answer: async () => {
        const { totalRequests, totalResponses, totalModifiedResponses, hosts } = await inspect.stats();
        const rows = hosts.map(({ hostname, requestCount, responseCount, modifiedCount, methods }) => {
          return { hostname, requestCount, responseCount, modifiedCount, methods };
        });
        const lastUpdated = isoTime(clock.now());
        return json({ totalRequests, totalResponses, totalModifiedResponses, hosts: rows, lastUpdated });
      },
    },
    {
      method: 'GET',
      path: '/admin/status',
      summary: 'What is kept where, and how much of it',
      replies: { 200: { description: '`db_directory`, `files` and `database`' } },
      answer: async () => {
        const { directory, requests, responses, modifiedResponses, database } = await inspect.status();
        return json({
          db_directory: directory,
          files: {
            requests: fileStatus(requests),
            responses: fileStatus(responses),
            modified_responses: fileStatus(modifiedResponses),
          },
          database,
        });
      },
    },
    {
      method: 'DELETE',
      path: '/admin/all-data',
      summary: 'Delete everything captured; rules and settings stay',
      requestSchema: CONFIRM_SCHEMA,
      replies: cleared,
      answer: clearAll,
    },
    {
      method: 'POST',
      path: '/admin/all-data/clear',
      summary: 'Delete everything captured, for clients whose DELETE carries no body',
      requestSchema: CONFIRM_SCHEMA,
      replies: cleared,
      answer: clearAll,
    },
  ];
}

function fileStatus({ path, exists, sizeBytes, count }: CollectionStatus): object {
  return { path, exists, size: sizeBytes, count };
}
