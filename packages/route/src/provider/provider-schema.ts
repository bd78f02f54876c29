import Type, { type Static } from 'typebox';
import { optionalFlag, optionalInteger, optionalText, optionalTexts } from '../config/optional-keys.ts';
import { proxySchema } from '../config/proxy-schema.ts';

const seconds = (description: string) => Type.Optional(Type.Integer({ minimum: 0, description }));

const sourceKeys = {
  type: optionalText('http, file or inline. Required.'),
  url: optionalText('http: where the content is downloaded from.'),
  path: optionalText('Where the content is kept (http) or read (file), below the home directory.'),
  interval: seconds('http: seconds between downloads, 0 for none but the first.'),
  proxy: optionalText('http: outbound or group to download through. Default: what the rules say.'),
  'size-limit': seconds('http: bytes after which the content is cut, 0 for no cut.'),
  header: Type.Optional(
    Type.Record(Type.String(), Type.Array(Type.String()), {
      description: 'http: headers of the request, each with a list of values.',
    }),
  ),
};

const overrideSchema = Type.Object(
  {
    tfo: optionalFlag('Replaces tfo.'),
    mptcp: optionalFlag('Replaces mptcp.'),
    udp: optionalFlag('Replaces udp.'),
    'udp-over-tcp': optionalFlag('Replaces udp-over-tcp.'),
    up: optionalText('Replaces up.'),
    down: optionalText('Replaces down.'),
    'dialer-proxy': optionalText('Replaces dialer-proxy.'),
    'skip-cert-verify': optionalFlag('Replaces skip-cert-verify.'),
    'interface-name': optionalText('Replaces interface-name.'),
    'routing-mark': optionalInteger('Replaces routing-mark.'),
    'ip-version': optionalText('Replaces ip-version.'),
    'additional-prefix': optionalText('Put before every name.'),
    'additional-suffix': optionalText('Put behind every name.'),
    'proxy-name': Type.Optional(
      Type.Array(
        Type.Object(
          {
            pattern: Type.String({ description: 'Regular expression.' }),
            target: Type.String({
              default: '',
              description: 'Replacement; $1 is what the first group matched.',
            }),
          },
          { description: 'One replacement.', foldKeys: true },
        ),
        { description: 'Replacements in names, in this order, after prefix and suffix.' },
      ),
    ),
  },
  { description: 'What is changed on every node.', foldKeys: true },
);

const healthCheckSchema = Type.Object(
  {
    enable: optionalFlag('Test the nodes periodically. Default false.'),
    url: optionalText('URL of the tests.'),
    interval: seconds('Seconds between tests. Default 300.'),
    timeout: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Milliseconds a test may take. Default 5000.' }),
    ),
    lazy: optionalFlag('Test only nodes in use. Default true.'),
    'expected-status': optionalText('HTTP status ranges a test accepts, * for any.'),
  },
  { description: 'Delay tests of the nodes.', foldKeys: true },
);

/** One entry of `proxy-providers` as it is written. */
const proxyProviderSchema = Type.Object(
  {
    ...sourceKeys,
    payload: Type.Optional(
      Type.Array(proxySchema, {
        description: 'inline: the nodes; otherwise those used while nothing can be loaded.',
      }),
    ),
    filter: optionalText('Regular expressions joined by `; nodes that match none are left out.'),
    'exclude-filter': optionalText('Regular expressions joined by `; nodes that match one are left out.'),
    'exclude-type': optionalText('Types of nodes to leave out, joined by |.'),
    'dialer-proxy': optionalText('Set on every node.'),
    'health-check': Type.Optional(healthCheckSchema),
    override: Type.Optional(overrideSchema),
  },
  { description: 'A list of outbounds.', weak: true, foldKeys: true },
);

/** One entry of `rule-providers` as it is written. */
const ruleProviderSchema = Type.Object(
  {
    ...sourceKeys,
    behavior: optionalText('domain, ipcidr or classical. Required.'),
    format: optionalText('yaml, text or mrs. Default yaml.'),
    payload: optionalTexts('inline: the entries; otherwise those used while nothing can be loaded.'),
  },
  { description: 'A list of rule entries.', weak: true, foldKeys: true },
);

/** The `proxy-providers` section. */
export const proxyProvidersSchema = Type.Record(Type.String(), proxyProviderSchema, {
  description: 'Lists of outbounds by name, downloaded, read from files or written here.',
  default: {},
});

/** The `rule-providers` section. */
export const ruleProvidersSchema = Type.Record(Type.String(), ruleProviderSchema, {
  description: 'Lists of rule entries by name, downloaded, read from files or written here.',
  default: {},
});

export type RawProxyProvider = Static<typeof proxyProviderSchema>;
export type RawRuleProvider = Static<typeof ruleProviderSchema>;
export type RawOverride = Static<typeof overrideSchema>;
