import { inspectConfigSchema } from '@sluice/inspect/config';
import { mediaConfigSchema } from '@sluice/media/config';
import { routeConfigSchema } from '@sluice/route/config';
import Type, { type Static } from 'typebox';

const controlSchema = Type.Object(
  {
    listen: Type.String({
      default: '127.0.0.1:9090',
      description:
        'Address of the control listener: native API, dashboard, documentation, metrics and all three compatible APIs.',
    }),
    secret: Type.String({
      default: '',
      description:
        'Bearer secret of the control and capture APIs. Required when they listen on anything but loopback.',
    }),
    'allowed-hosts': Type.Array(Type.String({ maxLength: 255 }), {
      default: [],
      maxItems: 100,
      description:
        'Host names under which browsers may reach the control listener, besides IP literals and localhost.',
    }),
    'allowed-origins': Type.Array(Type.String({ maxLength: 255 }), {
      default: [],
      maxItems: 100,
      description: 'Web origins (scheme://host:port) whose pages may use the APIs.',
    }),
    ui: Type.String({ default: '', description: 'Folder served at /ui instead of the built-in dashboard.' }),
  },
  { description: 'Where and by whom the gateway is controlled.' },
);

const logSchema = Type.Object(
  {
    level: Type.Union(
      [
        Type.Literal('debug'),
        Type.Literal('info'),
        Type.Literal('warning'),
        Type.Literal('error'),
        Type.Literal('silent'),
      ],
      { default: 'info', ignoreCase: true, description: 'Least severity that reaches the console.' },
    ),
    format: Type.Union([Type.Literal('text'), Type.Literal('json')], {
      default: 'text',
      ignoreCase: true,
      description: 'Console lines for people or for machines.',
    }),
  },
  { description: 'Console log.' },
);

/** The whole `sluice.yaml`; every key has a default, so an empty file is a working gateway on loopback. */
export const gatewaySchema = Type.Object({
  control: controlSchema,
  'data-dir': Type.String({
    default: './data',
    description: 'Folder for everything the gateway keeps; relative to the configuration file.',
  }),
  watch: Type.Boolean({
    default: false,
    description: 'Reload when the configuration file, or one that it includes, has changed.',
  }),
  log: logSchema,
  route: routeConfigSchema,
  inspect: inspectConfigSchema,
  media: mediaConfigSchema,
});

export type GatewaySettings = Static<typeof gatewaySchema>;
