/**
 * A name out of a certificate may become a user name, a log line and an HTTP header behind us, so it must be clean text: no
 * control character, nothing that was not valid UTF-8, at most 256 characters.
 */
export function isCleanName(name: string): boolean {
  return name.length <= 256 && name.isWellFormed() && !/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffd]/u.test(name);
}
