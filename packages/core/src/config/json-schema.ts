import type { ConfigSchema } from './decode.ts';

const OWN_KEYWORDS = new Set(['weak', 'ignoreCase', 'foldKeys', 'notServed']);

/** The JSON Schema (2020-12) of a configuration for editors: our own decoding keywords removed, unknown keys marked. */
export function toJsonSchema(schema: unknown, title: string): Record<string, unknown> {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', title, ...clean(schema as ConfigSchema) };
}

function clean(schema: ConfigSchema): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (!OWN_KEYWORDS.has(keyword)) result[keyword] = value;
  }
  if (schema.properties !== undefined) result['properties'] = cleanEach(schema.properties);
  if (schema.patternProperties !== undefined)
    result['patternProperties'] = cleanEach(schema.patternProperties);
  if (schema.items !== undefined) result['items'] = clean(schema.items);
  if (schema.anyOf !== undefined) result['anyOf'] = schema.anyOf.map(clean);
  if (typeof schema.additionalProperties === 'object')
    result['additionalProperties'] = clean(schema.additionalProperties);
  else if (
    schema.type === 'object' &&
    schema.additionalProperties === undefined &&
    schema.patternProperties === undefined
  ) {
    result['additionalProperties'] = false;
  }
  // Every property that is not written has a default, so editors must not demand it.
  const demanded = (schema.required ?? []).filter((name) => isDemanded(schema.properties?.[name]));
  delete result['required'];
  if (demanded.length > 0) result['required'] = demanded;
  return result;
}

function isDemanded(schema: ConfigSchema | undefined): boolean {
  return schema !== undefined && schema.default === undefined && schema.type !== 'object';
}

function cleanEach(schemas: Readonly<Record<string, ConfigSchema>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(schemas).map(([key, schema]) => [key, clean(schema)]));
}
