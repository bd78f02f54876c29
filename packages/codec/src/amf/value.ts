/** A string-keyed AMF object; parsed ones have no prototype, so a peer's `__proto__` is an ordinary key. */
export type AmfObject = { readonly [key: string]: AmfValue };

/** An AMF0 ECMA array: on the wire a different marker from an object, in use the same thing. */
export class EcmaArray {
  readonly properties: AmfObject;

  constructor(properties: AmfObject) {
    this.properties = properties;
  }
}

/** Every value AMF0 and AMF3 can carry; `Uint8Array` is an AMF3 byte array, XML comes as its text. */
export type AmfValue =
  | number
  | boolean
  | string
  | null
  | undefined
  | Date
  | Uint8Array
  | EcmaArray
  | readonly AmfValue[]
  | AmfObject;

/** The named properties of an object or ECMA array, `undefined` for any other value. */
export function amfProperties(value: AmfValue): AmfObject | undefined {
  if (value instanceof EcmaArray) return value.properties;
  if (typeof value !== 'object' || value === null) return undefined;
  if (value instanceof Date || value instanceof Uint8Array || isAmfList(value)) return undefined;
  return value;
}

/** True for a strict array. */
export function isAmfList(value: AmfValue): value is readonly AmfValue[] {
  return Array.isArray(value);
}

/** Bounds one parse: how deep values nest and how many there are, references counted at their full size. */
export type AmfLimits = { readonly maxDepth: number; readonly maxValues: number };

/** Room for onMetaData with the key frame index of a long file. */
export const AMF_LIMITS: AmfLimits = { maxDepth: 64, maxValues: 131_072 };
