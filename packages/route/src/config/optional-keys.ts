import Type from 'typebox';

/** A text that may be left out. */
export const optionalText = (description: string) => Type.Optional(Type.String({ description }));
/** A flag that may be left out. */
export const optionalFlag = (description: string) => Type.Optional(Type.Boolean({ description }));
/** A whole number that may be left out. */
export const optionalInteger = (description: string) => Type.Optional(Type.Integer({ description }));
/** A list of texts that may be left out. */
export const optionalTexts = (description: string) =>
  Type.Optional(Type.Array(Type.String(), { description }));
/** A mapping that is passed on unread. */
export const optionalMapping = (description: string) =>
  Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description }));
