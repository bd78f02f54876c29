import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** How much of everything a large configuration has. */
export const LARGE = { proxies: 3_000, groups: 100, ruleProviders: 30, entries: 300_000 } as const;

const MEMBERS_PER_GROUP = 60;

/**
 * Writes the provider files that were fetched before into `folder`, and gives the keys of the `route` section that use them:
 * proxies, groups of them, and a rule for each provider.
 */
export function writeLargeConfig(folder: string): {
  readonly route: string;
  readonly rules: readonly string[];
} {
  const indexes = (count: number) => Array.from({ length: count }, (_, index) => index);
  const proxies = indexes(LARGE.proxies).map((index) => ({
    name: `node ${index}`,
    type: index % 2 === 0 ? 'ss' : 'socks5',
    server: `n${index}.example.net`,
    port: 10_000 + (index % 5_000),
    ...(index % 2 === 0 ? { cipher: 'aes-256-gcm', password: `secret ${index}` } : {}),
    udp: true,
  }));
  const groups = indexes(LARGE.groups).map((index) => ({
    name: `group ${index}`,
    type: 'select',
    proxies: [
      'DIRECT',
      ...indexes(MEMBERS_PER_GROUP).map((member) => `node ${(index * 30 + member) % LARGE.proxies}`),
    ],
  }));
  mkdirSync(join(folder, 'rules'), { recursive: true });
  const each = LARGE.entries / LARGE.ruleProviders;
  const providers = indexes(LARGE.ruleProviders).map((index) => {
    const lines = indexes(each).map((entry) => `  - '+.s${entry}.p${index}.example.org'`);
    const path = `rules/${index}.yaml`;
    writeFileSync(join(folder, path), `payload:\n${lines.join('\n')}\n`);
    const keys = {
      type: 'http',
      behavior: 'domain',
      url: `http://127.0.0.1:9/${index}`,
      path,
      interval: 86_400,
    };
    return [`set ${index}`, keys] as const;
  });
  const route = [
    `  proxies: ${JSON.stringify(proxies)}`,
    `  proxy-groups: ${JSON.stringify(groups)}`,
    `  rule-providers: ${JSON.stringify(Object.fromEntries(providers))}`,
  ].join('\n');
  return {
    route,
    rules: indexes(LARGE.ruleProviders).map((index) => `RULE-SET,set ${index},group ${index}`),
  };
}
