import Type, { type Static } from 'typebox';

const optionalText = (description: string) => Type.Optional(Type.String({ description }));
const optionalFlag = (description: string) => Type.Optional(Type.Boolean({ description }));
const optionalInteger = (description: string) => Type.Optional(Type.Integer({ description }));

/** One entry of `proxy-groups` as it is written; `resolveGroups` checks it and gives a `GroupConfig`. */
export const groupSchema = Type.Object(
  {
    name: optionalText('Name of the group. Required.'),
    type: optionalText(
      'select (by hand), url-test (the quickest), fallback (the first that is alive), load-balance, or relay (one through the other, deprecated). Required.',
    ),
    proxies: Type.Optional(
      Type.Array(Type.String(), { description: 'Members: outbounds, other groups and built-ins.' }),
    ),
    use: Type.Optional(
      Type.Array(Type.String(), { description: 'Proxy providers whose nodes are members.' }),
    ),
    url: optionalText(
      'URL of delay tests. Default: that of the first provider in use, else https://www.gstatic.com/generate_204.',
    ),
    interval: optionalInteger(
      'Seconds between delay tests of the own members. Default 0, which is 300 except for select and relay.',
    ),
    timeout: optionalInteger(
      'Milliseconds a delay test may take, and the period in which failed dials are counted. Default 5000.',
    ),
    'max-failed-times': optionalInteger('Failed dials that trigger a delay test. Default 5.'),
    lazy: optionalFlag('Test only groups that flows went through since the last test. Default true.'),
    'expected-status': optionalText('HTTP status ranges a delay test accepts, * for any.'),
    'disable-udp': optionalFlag('Send no UDP through this group. Default false.'),
    filter: optionalText(
      'Regular expressions joined by `, for nodes of providers and outbounds that are included automatically; they set the order, too.',
    ),
    'exclude-filter': optionalText('Regular expressions joined by `, for members to leave out.'),
    'exclude-type': optionalText(
      'Types of members to leave out (as the control API names them, in any case), joined by |.',
    ),
    'include-all': optionalFlag('Both of the next.'),
    'include-all-proxies': optionalFlag('Add every outbound, sorted by name.'),
    'include-all-providers': optionalFlag('Use every proxy provider, sorted by name.'),
    hidden: optionalFlag('Ask dashboards not to show the group.'),
    icon: optionalText('Icon for dashboards.'),
    tolerance: optionalInteger(
      'Milliseconds by which another member must be quicker for url-test to move to it. Default 0.',
    ),
    strategy: optionalText(
      'Of load-balance: consistent-hashing (by destination, the default), round-robin, or sticky-sessions (by client and destination).',
    ),
    'interface-name': optionalText('Network interface for members that name none (deprecated).'),
    'routing-mark': optionalInteger('Socket mark for members that name none (deprecated).'),
    'default-selected': optionalText('Member that a select group starts with. Default: the first.'),
    'empty-fallback': optionalText('Outbound used while the group has no members. Default COMPATIBLE.'),
  },
  { description: 'A group of outbounds.', weak: true, foldKeys: true },
);

export type RawGroup = Static<typeof groupSchema>;
