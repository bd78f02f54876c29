import type { TSchema } from 'typebox';
import type { NativeApi } from './native-api.ts';
import { ErrorBody } from './schemas.ts';

type Json = Readonly<Record<string, unknown>>;

/** The OpenAPI 3.1 document of the tables; streams are described as NDJSON. */
export function openApiOf(api: NativeApi, version: string, prefix: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  const add = (path: string, method: string, operation: Json) => {
    const key = prefix + path.replace(/:(\w+)/g, '{$1}');
    paths[key] = { ...paths[key], [method.toLowerCase()]: operation };
  };
  for (const row of api.routes) {
    add(row.path, row.method, {
      summary: row.summary,
      tags: [tagOf(row.path)],
      parameters: [...parametersOf(row.params, 'path'), ...parametersOf(row.query, 'query')],
      ...(row.body === undefined ? {} : { requestBody: contentOf('application/json', row.body) }),
      responses: {
        200: {
          description: 'OK',
          ...contentOf(row.reply === undefined ? 'application/octet-stream' : 'application/json', row.reply),
        },
        default: { description: 'Failure', ...contentOf('application/json', ErrorBody) },
      },
    });
  }
  for (const row of api.streams) {
    add(row.path, 'GET', {
      summary: `${row.summary} (NDJSON, or one text frame each over WebSocket)`,
      tags: [tagOf(row.path)],
      parameters: parametersOf(row.query, 'query'),
      responses: { 200: { description: 'Endless', ...contentOf('application/x-ndjson', row.item) } },
    });
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Sluice', version },
    security: [{ secret: [] }],
    components: { securitySchemes: { secret: { type: 'http', scheme: 'bearer' } } },
    paths,
  };
}

function tagOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function contentOf(type: string, schema: TSchema | undefined): Json {
  return { content: { [type]: schema === undefined ? {} : { schema } } };
}

function parametersOf(schema: TSchema, place: 'path' | 'query'): Json[] {
  const { properties = {}, required = [] } = schema as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, value]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: value,
  }));
}
