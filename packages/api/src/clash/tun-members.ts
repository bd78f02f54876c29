import {
  asBoolean,
  asInteger,
  asPrefixes,
  asString,
  asStrings,
  BodyInvalidError,
  membersOf,
} from './body.ts';

type Member = {
  readonly name: string;
  /** Shown even when empty. */
  readonly always?: boolean;
  /** Absent for members that cannot be changed. */
  readonly decode?: (value: unknown) => unknown;
};

const STACKS = ['gVisor', 'System', 'Mixed'] as const;

function asStack(value: unknown): string {
  const lower = asString(value).toLowerCase();
  const found = STACKS.find((stack) => stack.toLowerCase() === lower);
  if (found === undefined) throw new BodyInvalidError(`not one of ${STACKS.join(', ')}`);
  return found;
}

function asIntegers(value: unknown): readonly number[] {
  if (!Array.isArray(value)) throw new BodyInvalidError('not a list');
  return value.map(asInteger);
}

/** The members of `tun` in the order in which the settings show them. */
export const TUN_MEMBERS: readonly Member[] = [
  { name: 'enable', always: true, decode: asBoolean },
  { name: 'device', always: true, decode: asString },
  { name: 'stack', always: true, decode: asStack },
  { name: 'dns-hijack', always: true, decode: asStrings },
  { name: 'auto-route', always: true, decode: asBoolean },
  { name: 'auto-detect-interface', always: true, decode: asBoolean },
  { name: 'mtu', decode: asInteger },
  { name: 'gso', decode: asBoolean },
  { name: 'gso-max-size', decode: asInteger },
  { name: 'inet4-address' },
  { name: 'inet6-address', decode: asPrefixes },
  { name: 'iproute2-table-index', decode: asInteger },
  { name: 'iproute2-rule-index', decode: asInteger },
  { name: 'auto-redirect', decode: asBoolean },
  { name: 'auto-redirect-input-mark', decode: asInteger },
  { name: 'auto-redirect-output-mark', decode: asInteger },
  { name: 'auto-redirect-iproute2-fallback-rule-index', decode: asInteger },
  { name: 'loopback-address', decode: asStrings },
  { name: 'strict-route', decode: asBoolean },
  { name: 'route-address', decode: asPrefixes },
  { name: 'route-address-set', decode: asStrings },
  { name: 'route-exclude-address', decode: asPrefixes },
  { name: 'route-exclude-address-set', decode: asStrings },
  { name: 'include-interface', decode: asStrings },
  { name: 'exclude-interface', decode: asStrings },
  { name: 'include-uid', decode: asIntegers },
  { name: 'include-uid-range', decode: asStrings },
  { name: 'exclude-uid', decode: asIntegers },
  { name: 'exclude-uid-range', decode: asStrings },
  { name: 'exclude-src-port' },
  { name: 'exclude-src-port-range' },
  { name: 'exclude-dst-port' },
  { name: 'exclude-dst-port-range' },
  { name: 'include-android-user', decode: asIntegers },
  { name: 'include-package', decode: asStrings },
  { name: 'exclude-package', decode: asStrings },
  { name: 'include-mac-address', decode: asStrings },
  { name: 'exclude-mac-address', decode: asStrings },
  { name: 'endpoint-independent-nat', decode: asBoolean },
  { name: 'udp-timeout', decode: asInteger },
  { name: 'icmp-timeout', decode: asInteger },
  { name: 'disable-icmp-forwarding' },
  { name: 'file-descriptor', always: true, decode: asInteger },
  { name: 'inet4-route-address', decode: asPrefixes },
  { name: 'inet6-route-address', decode: asPrefixes },
  { name: 'inet4-route-exclude-address', decode: asPrefixes },
  { name: 'inet6-route-exclude-address', decode: asPrefixes },
  { name: 'recvmsgx', decode: asBoolean },
  { name: 'sendmsgx', decode: asBoolean },
];

/** The changeable members of a `tun` object; a missing `enable` is false, as the reference has it. @throws BodyInvalidError */
export function decodeTun(value: unknown): ReadonlyMap<string, unknown> {
  const given = membersOf(value);
  const decoded = new Map<string, unknown>([['enable', false]]);
  for (const { name, decode } of TUN_MEMBERS)
    if (decode !== undefined && given.has(name)) decoded.set(name, decode(given.get(name)));
  return decoded;
}

const TUIC_SERVER_MEMBERS: Readonly<Record<string, (value: unknown) => unknown>> = {
  enable: asBoolean,
  listen: asString,
  token: asStrings,
  users: (value) => [...membersOf(value).values()].map(asString),
  certificate: asString,
  'private-key': asString,
  'congestion-controller': asString,
  'max-idle-time': asInteger,
  'authentication-timeout': asInteger,
  alpn: asStrings,
  'max-udp-relay-packet-size': asInteger,
  cwnd: asInteger,
  'bbr-profile': asString,
};

/** Whether a `tuic-server` object, checked, asks for the server. @throws BodyInvalidError */
export function wantsTuicServer(value: unknown): boolean {
  const given = membersOf(value);
  for (const [name, member] of given) TUIC_SERVER_MEMBERS[name]?.(member);
  return given.get('enable') === true;
}
