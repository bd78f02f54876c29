import { toJsonSchema } from '@sluice/core/config/json-schema';
import { gatewaySchema } from '../settings/schema.ts';

/** The JSON Schema of `sluice.yaml`, pretty-printed. */
export function schemaText(): string {
  return JSON.stringify(toJsonSchema(gatewaySchema, 'sluice.yaml'), null, 2);
}
