import { isLoopbackHost, parseEndpoint } from '@sluice/base/address';
import { errorText } from '@sluice/base/errors';
import type { ReportIssue } from '@sluice/core/config/issue';
import Type, { type Static } from 'typebox';
import { parseHostPattern } from './proxy/host-pattern.ts';

const DEFAULT_LISTEN = '127.0.0.1:8888';
const DEFAULT_ADMIN = '127.0.0.1:3000';
const MEBIBYTE = 1024 * 1024;
const GIBIBYTE = 1024 * MEBIBYTE;

const retentionSchema = Type.Object(
  {
    'max-exchanges': Type.Integer({
      minimum: 1,
      default: 1_000_000,
      description: 'How many exchanges are kept; the oldest go first.',
    }),
    'max-bytes': Type.Integer({
      minimum: MEBIBYTE,
      default: 20 * GIBIBYTE,
      description: 'How many bytes of stored exchanges are kept on disk.',
    }),
    'max-age-hours': Type.Number({
      minimum: 0,
      default: 168,
      description: 'How long an exchange is kept, in hours; 0 keeps it until another limit is reached.',
    }),
  },
  { description: 'When captured exchanges are deleted: whichever limit is reached first.' },
);

/** The `inspect:` section: interception, capture and the admin API. */
export const inspectConfigSchema = Type.Object(
  {
    enabled: Type.Boolean({
      default: true,
      description: 'Intercept and capture. When off, every connection is passed through unread.',
    }),
    listen: Type.String({
      default: DEFAULT_LISTEN,
      description:
        'Address of the capturing HTTP proxy (host:port); an empty text switches the listener off.',
    }),
    admin: Type.String({
      default: DEFAULT_ADMIN,
      description: 'Address of the admin API (host:port); an empty text switches it off.',
    }),
    'body-limit-bytes': Type.Integer({
      minimum: 0,
      maximum: GIBIBYTE,
      default: MEBIBYTE,
      description: 'How many bytes of each body are kept; the rest is forwarded and only counted.',
    }),
    passthrough: Type.Array(Type.String(), {
      default: [],
      description:
        'Hosts whose TLS is never opened: `a.example`, `*.a.example`, `10.0.0.0/8`, `2001:db8::/32`, each with an optional `:port`.',
    }),
    'verify-upstream': Type.Boolean({
      default: true,
      description: 'Check the certificates of the servers behind intercepted connections.',
    }),
    'upstream-ca': Type.String({
      default: '',
      description: 'PEM file of additional authorities to trust for upstream servers.',
    }),
    'ca-key': Type.Union([Type.Literal('rsa'), Type.Literal('ec')], {
      default: 'rsa',
      description:
        'Key of a newly created local authority: RSA-2048 (widest support) or ECDSA P-256 (faster).',
    }),
    outbound: Type.String({
      default: '',
      description: 'Outbound or group for the proxy listener; empty lets the routing rules decide.',
    }),
    retention: retentionSchema,
  },
  { description: 'Interception and capture of HTTP and HTTPS.' },
);

export type InspectConfig = Static<typeof inspectConfigSchema>;

/** Reports what the schema cannot see: addresses that do not parse, a proxy open to others, patterns that match nothing. */
export function checkInspect(config: InspectConfig, report: ReportIssue): void {
  checkAddress('listen', config.listen, report);
  checkAddress('admin', config.admin, report);
  if (config.listen !== '' && config.listen === config.admin) {
    report('error', ['admin'], 'the proxy and the admin API cannot share one address', {
      found: config.admin,
    });
  }
  for (const [index, text] of config.passthrough.entries()) {
    try {
      parseHostPattern(text);
    } catch (error) {
      report('error', ['passthrough', index], errorText(error), { expected: 'a host pattern', found: text });
    }
  }
}

function checkAddress(key: 'listen' | 'admin', text: string, report: ReportIssue): void {
  if (text === '') return;
  try {
    const { host } = parseEndpoint(text);
    if (key === 'listen' && !isLoopbackHost(host)) {
      report('warning', [key], 'anyone who can reach this address can use the proxy and is recorded');
    }
  } catch {
    report('error', [key], 'not an address to listen on', { expected: 'host:port', found: text });
  }
}
