/** RFC 3454 table B.1: what is mapped to nothing. */
const nothing = /\p{Variation_Selector}|\u034f|[\u00ad\u1806\u2060\ufeff]|[\u200b-\u200d]/gu;
/** Table C.1.2: spaces that become U+0020. */
const spaces = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/gu;
/** Tables C.2 to C.9: controls, private use, not characters, surrogates, and what changes or hides the text around it (after NFKC). */
const prohibited =
  /[\p{Cc}\p{Co}\p{Cs}\p{Cn}\u06dd\u070f\u180e\u2028\u2029\u2061-\u2063\u206a-\u206f\ufff9-\uffff\u{1d173}-\u{1d17a}\u200e\u200f\u202a-\u202e\u2ff0-\u2ffb\u{e0001}\u{e0020}-\u{e007f}]/u;

/**
 * Prepares a name or password for comparison (RFC 4013), without its rule for mixed directions of writing; null when it holds
 * what is prohibited or when nothing is left.
 */
export function prepareSaslText(text: string): string | null {
  const mapped = text.replaceAll(spaces, ' ').replaceAll(nothing, '').normalize('NFKC');
  return mapped === '' || prohibited.test(mapped) ? null : mapped;
}
