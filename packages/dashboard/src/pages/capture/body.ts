type Lines = readonly (readonly [string, string])[];

/** The first header of that name, `''` when there is none. */
export function headerOf(headers: Lines, name: string): string {
  return headers.find(([candidate]) => candidate.toLowerCase() === name)?.[1] ?? '';
}

/** The body as indented JSON, or undefined when it is none. */
export function prettyBodyOf(message: {
  readonly bodyText: string | null;
  readonly bodyEncoding: string;
}): string | undefined {
  const { bodyText, bodyEncoding } = message;
  if (bodyText === null || bodyEncoding !== 'utf8' || !/^\s*[[{]/.test(bodyText)) return undefined;
  try {
    return JSON.stringify(JSON.parse(bodyText), undefined, 2);
  } catch {
    // Cut off or not JSON after all: it is then shown as it came.
    return undefined;
  }
}
