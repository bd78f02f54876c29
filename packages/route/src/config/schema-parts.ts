import Type from 'typebox';

/** A TCP or UDP port, 0 for off. */
export function portSchema(description: string, options: { readonly default?: number } = {}) {
  return Type.Integer({ minimum: 0, maximum: 65_535, description, ...options });
}

export function flag(description: string, value: boolean) {
  return Type.Boolean({ description, default: value });
}

export function text(description: string, value = '') {
  return Type.String({ description, default: value });
}

export function textList(description: string, value: readonly string[] = []) {
  return Type.Array(Type.String(), { description, default: [...value] });
}

/** A whole number that is not negative. */
export function whole(description: string, value: number) {
  return Type.Integer({ minimum: 0, description, default: value });
}

/** Accepted so that existing files load, reported as having no effect. */
export function notServed(description: string) {
  return Type.Optional(
    Type.Unknown({ description: `${description} (not served by this version)`, notServed: true }),
  );
}
