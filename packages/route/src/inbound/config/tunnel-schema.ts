import Type, { type Static } from 'typebox';
import { optionalText } from '../../config/optional-keys.ts';

const tunnelSchema = Type.Union(
  [
    Type.String({ description: 'network,address,target[,proxy]' }),
    Type.Object(
      {
        network: Type.Array(Type.String(), { description: 'tcp, udp or both.', default: [] }),
        address: Type.String({ description: 'host:port to listen on.', default: '' }),
        target: Type.String({ description: 'host:port to forward to.', default: '' }),
        proxy: optionalText('Outbound or group that takes everything.'),
      },
      { description: 'A forward.' },
    ),
  ],
  { description: 'A fixed forward from a local port to a destination.' },
);

/** The `tunnels` section. */
export const tunnelsSchema = Type.Array(tunnelSchema, {
  description: 'Fixed forwards.',
  default: [],
  weak: true,
});

export type RawTunnel = Static<typeof tunnelSchema>;
