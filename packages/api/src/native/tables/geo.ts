import type { NativeDependencies } from '../dependencies.ts';
import { GeoDatabasesBody } from '../route-schemas.ts';
import { type NativeRoute, route } from '../table.ts';

export function geoRoutes({ route: { geo } }: NativeDependencies): NativeRoute[] {
  return [
    route({
      method: 'GET',
      path: '/geo',
      summary: 'Geo databases in the data directory',
      reply: GeoDatabasesBody,
      handle: () => ({ databases: geo.databases() }),
    }),
    route({
      method: 'POST',
      path: '/geo/update',
      summary: 'Downloads those that are in use again; answers when done',
      reply: GeoDatabasesBody,
      async handle() {
        await geo.update();
        return { databases: geo.databases() };
      },
    }),
  ];
}
