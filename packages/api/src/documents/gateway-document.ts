import type { NativeApi } from '../native/native-api.ts';
import { openApiOf } from '../native/openapi.ts';
import { buildOpenApi, type OperationGroup } from '../openapi.ts';

const NATIVE_PREFIX = '/api/v1';

/** One OpenAPI 3.1 document of the native API and every compatible API that the control listener answers. */
export function gatewayDocument(options: {
  readonly native: NativeApi;
  readonly version: string;
  readonly groups: readonly OperationGroup[];
}): object {
  const { native, version, groups } = options;
  const own = openApiOf(native, version, NATIVE_PREFIX) as {
    readonly paths: object;
    readonly components: object;
  };
  const others = buildOpenApi(
    {
      title: 'Sluice',
      version,
      description: 'The native API, and the compatible APIs that existing clients speak.',
    },
    groups,
  ) as { readonly paths: object };
  return { ...others, components: own.components, paths: { ...own.paths, ...others.paths } };
}
