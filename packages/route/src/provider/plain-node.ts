import type { ConfigNode, ConfigPlace } from '@sluice/core/config/node';

const NOWHERE: ConfigPlace = { file: '', line: 1, column: 1 };

/** Plain data (texts, numbers, flags, lists, mappings) as a configuration document; anything else becomes nothing. */
export function plainNode(value: unknown): ConfigNode {
  if (Array.isArray(value)) return { kind: 'list', items: value.map(plainNode), place: NOWHERE };
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .map(([key, each]) => ({ key, keyPlace: NOWHERE, node: plainNode(each) }));
    return { kind: 'map', entries, place: NOWHERE };
  }
  const isScalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return {
    kind: 'scalar',
    value: isScalar ? value : null,
    text: isScalar ? String(value) : '',
    place: NOWHERE,
  };
}
