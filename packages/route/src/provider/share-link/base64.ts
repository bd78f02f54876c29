/** Text from base64 in either alphabet, with or without padding and line breaks; `undefined` for anything else. */
export function decodeBase64Text(text: string): string | undefined {
  const bare = text.replaceAll(/\s+/g, '').replace(/=+$/, '');
  // A single symbol over a multiple of four holds no byte.
  if (bare === '' || bare.length % 4 === 1 || !/^[A-Za-z0-9+/_-]+$/.test(bare)) return undefined;
  return Buffer.from(bare, 'base64').toString('utf8');
}
