import Type, { type Static } from 'typebox';

const optionalText = (description: string) => Type.Optional(Type.String({ description }));
const optionalFlag = (description: string) => Type.Optional(Type.Boolean({ description }));
const optionalInteger = (description: string) => Type.Optional(Type.Integer({ description }));

/** One entry of `proxy-groups` as it is written; `resolveGroups` checks it and gives a `GroupConfig`. */
export const groupSchema = Type.Object(
  {
    name: optionalText('Name of the group. Required.'),
    type: optionalText(
      'select; url-test, fallback and load-balance are loaded as select by this version. Required.',
    ),
    proxies: Type.Optional(
      Type.Array(Type.String(), { description: 'Members: outbounds, other groups and built-ins.' }),
    ),
    use: Type.Optional(
      Type.Array(Type.String(), { description: 'Proxy providers (not served by this version).' }),
    ),
    url: optionalText('URL of delay tests. Default https://www.gstatic.com/generate_204.'),
    interval: optionalInteger('Seconds between delay tests, 0 for none.'),
    timeout: optionalInteger('Milliseconds a delay test may take. Default 5000.'),
    'max-failed-times': optionalInteger('Failures that trigger a delay test. Default 5.'),
    lazy: optionalFlag('Test only groups in use. Default true.'),
    'expected-status': optionalText('HTTP status ranges a delay test accepts, * for any.'),
    'disable-udp': optionalFlag('Send no UDP through this group. Default false.'),
    filter: optionalText('Regular expressions joined by `, for members that are included automatically.'),
    'exclude-filter': optionalText('Regular expression of members to leave out.'),
    'exclude-type': optionalText('Types of members to leave out, joined by |.'),
    'include-all': optionalFlag('Include every outbound and provider.'),
    'include-all-proxies': optionalFlag('Include every outbound, sorted by name.'),
    'include-all-providers': optionalFlag('Include every provider (not served by this version).'),
    hidden: optionalFlag('Ask dashboards not to show the group.'),
    icon: optionalText('Icon for dashboards.'),
    tolerance: optionalInteger('Milliseconds of difference that url-test ignores.'),
    strategy: optionalText('Strategy of load-balance.'),
    'interface-name': optionalText('Network interface for members that name none.'),
    'routing-mark': optionalInteger(
      'Socket mark for members that name none (accepted, has no effect in this version).',
    ),
    'default-selected': optionalText('Member that is selected at first.'),
    'empty-fallback': optionalText('Outbound used when the group has no members. Default COMPATIBLE.'),
  },
  { description: 'A group of outbounds.', weak: true, foldKeys: true },
);

export type RawGroup = Static<typeof groupSchema>;
