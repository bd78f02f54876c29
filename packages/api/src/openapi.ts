/** A JSON Schema (draft 2020-12) as OpenAPI 3.1 embeds it; TypeBox schemas fit as they are. */
export type JsonSchema = object;

/** One operation of a dialect's table as it appears in the document. */
export type OperationDoc = {
  readonly method: string;
  /** Full path with `:name` or `{name}` parameters. */
  readonly path: string;
  readonly summary: string;
  readonly query?: Readonly<Record<string, ParameterDoc>>;
  readonly body?: JsonSchema;
  /** By status code. */
  readonly replies: Readonly<Record<number, ReplyDoc>>;
};

export type ParameterDoc = {
  readonly description: string;
  readonly required?: boolean;
  readonly schema?: JsonSchema;
};

/** `contentType` defaults to JSON; without a schema the reply has no described body. */
export type ReplyDoc = {
  readonly description: string;
  readonly schema?: JsonSchema;
  readonly contentType?: string;
};

/** What the row of a dialect's table says about its operation. */
export type DocumentedRow = Omit<OperationDoc, 'body'> & { readonly requestSchema?: JsonSchema | undefined };

/** The operation that a row describes. */
export function operationOf({
  method,
  path,
  summary,
  query,
  requestSchema,
  replies,
}: DocumentedRow): OperationDoc {
  return {
    method,
    path,
    summary,
    ...(query === undefined ? {} : { query }),
    ...(requestSchema === undefined ? {} : { body: requestSchema }),
    replies,
  };
}

/** The operations of one dialect under one tag. */
export type OperationGroup = {
  readonly tag: string;
  readonly description: string;
  readonly operations: readonly OperationDoc[];
};

const TEXT: JsonSchema = { type: 'string' };

/** Builds an OpenAPI 3.1 document from the tables of all dialects. */
export function buildOpenApi(
  info: { readonly title: string; readonly version: string; readonly description: string },
  groups: readonly OperationGroup[],
): object {
  const paths: Record<string, Record<string, object>> = {};
  const ids = new Set<string>();
  for (const group of groups) {
    for (const operation of group.operations) {
      const path = operation.path.replace(/:(\w+)/g, '{$1}');
      const operations = paths[path] ?? {};
      paths[path] = operations;
      operations[operation.method.toLowerCase()] = describe(
        operation,
        path,
        group.tag,
        unusedId(operationId(group.tag, operation.method, path), ids),
      );
    }
  }
  const tags = groups.map(({ tag, description }) => ({ name: tag, description }));
  return { openapi: '3.1.0', info, tags, paths };
}

/** Paths that differ in punctuation only would otherwise share an id. */
function unusedId(wanted: string, used: Set<string>): string {
  let id = wanted;
  for (let number = 2; used.has(id); number++) id = `${wanted}${number}`;
  used.add(id);
  return id;
}

function describe(operation: OperationDoc, path: string, tag: string, id: string): object {
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: TEXT,
    })),
    ...Object.entries(operation.query ?? {}).map(([name, doc]) => ({
      name,
      in: 'query',
      required: doc.required ?? false,
      description: doc.description,
      schema: doc.schema ?? TEXT,
    })),
  ];
  return {
    tags: [tag],
    summary: operation.summary,
    operationId: id,
    parameters,
    ...(operation.body === undefined
      ? {}
      : { requestBody: { content: { 'application/json': { schema: operation.body } } } }),
    responses: Object.fromEntries(
      Object.entries(operation.replies).map(([status, reply]) => [status, describeReply(reply)]),
    ),
  };
}

function describeReply(reply: ReplyDoc): object {
  if (reply.schema === undefined) return { description: reply.description };
  return {
    description: reply.description,
    content: { [reply.contentType ?? 'application/json']: { schema: reply.schema } },
  };
}

function operationId(tag: string, method: string, path: string): string {
  const words = `${tag} ${method.toLowerCase()} ${path}`.match(/\w+/g) ?? [];
  return words.map((word, index) => (index === 0 ? word : word[0]?.toUpperCase() + word.slice(1))).join('');
}
