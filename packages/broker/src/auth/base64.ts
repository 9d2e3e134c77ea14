const alphabet = /^[A-Za-z0-9+/]+={0,2}$/;

/** Decodes standard base64, padded or not; null for anything else. Node alone would skip what it does not know. */
export function decodeBase64(text: string): Buffer | null {
  if (!alphabet.test(text)) return null;
  const bytes = Buffer.from(text, 'base64');
  const bare = (value: string): string => value.replaceAll('=', '');
  return bare(bytes.toString('base64')) === bare(text) ? bytes : null;
}
