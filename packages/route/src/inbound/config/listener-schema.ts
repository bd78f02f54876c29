import Type, { type Static } from 'typebox';
import { optionalFlag, optionalInteger, optionalText, optionalTexts } from '../../config/optional-keys.ts';

const user = Type.Object(
  {
    username: Type.String({ description: 'User name.', default: '' }),
    password: Type.String({ description: 'Password.', default: '' }),
  },
  { description: 'Who may use the listener.', additionalProperties: true },
);

/** One entry of `listeners` as it is written; `resolveListeners` checks it by its type. */
export const listenerSchema = Type.Object(
  {
    name: optionalText('Name of the listener, for IN-NAME rules. Required.'),
    type: optionalText('http, socks, mixed, tunnel, redir or tproxy. Required.'),
    listen: optionalText('Address to listen on. Default 0.0.0.0.'),
    port: Type.Optional(
      Type.Union([Type.Integer({ minimum: 0, maximum: 65_535 }), Type.String()], {
        description: 'Port, or ports like 200,302-304. Required.',
      }),
    ),
    rule: optionalText('Name of the list of sub-rules used instead of rules.'),
    proxy: optionalText('Outbound or group that takes everything.'),
    'routing-mark': optionalInteger('Mark of the listening socket.'),
    udp: optionalFlag('Also take UDP (socks, mixed, tproxy). Default true.'),
    users: Type.Optional(
      Type.Union([Type.Array(user), Type.Record(Type.String(), Type.Unknown())], {
        description:
          'Users of http, socks and mixed; absent: those of authentication, an empty list: nobody is asked.',
      }),
    ),
    network: optionalTexts('tcp, udp or both (tunnel). Default both.'),
    target: optionalText('host:port to forward to (tunnel). Required there.'),
    certificate: optionalText('Certificate chain for TLS (http, socks, mixed): PEM text or a path.'),
    'private-key': optionalText('Private key for TLS: PEM text or a path.'),
    'client-auth-type': optionalText(
      'Whether TLS clients show certificates: request, require-any, verify-if-given or require-and-verify.',
    ),
    'client-auth-cert': optionalText('Certificates that sign those of clients: PEM text or a path.'),
  },
  { description: 'An inbound.', weak: true, foldKeys: true, additionalProperties: true },
);

/** The `listeners` section. */
export const listenersSchema = Type.Array(listenerSchema, { description: 'Further inbounds.', default: [] });

export type RawListener = Static<typeof listenerSchema>;
