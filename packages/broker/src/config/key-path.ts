/** The path of a key, `listeners.tcp.bind`; a name with dots or other signs is quoted: `authentication.users."a.b".passwordHash`. */
export type KeyPath = readonly string[];

export function formatPath(path: KeyPath): string {
  return path.map((segment) => (/^[\p{L}\p{N}_-]+$/u.test(segment) ? segment : JSON.stringify(segment))).join('.');
}

/** Reads a path; null when it is not one. */
export function parsePath(text: string): string[] | null {
  const segments: string[] = [];
  let rest = text;
  while (true) {
    const quoted = /^"(?:[^"\\]|\\.)*"/.exec(rest);
    const segment = quoted === null ? /^[^."=]+/.exec(rest)?.[0] : unquote(quoted[0]);
    if (segment === undefined || segment === null) return null;
    segments.push(segment);
    rest = rest.slice(quoted === null ? segment.length : quoted[0].length);
    if (rest === '') return segments;
    if (!rest.startsWith('.')) return null;
    rest = rest.slice(1);
  }
}

function unquote(text: string): string | null {
  try {
    return JSON.parse(text) as string;
  } catch {
    return null;
  }
}

/** Splits `path=value` at the first `=` outside quotes; null when there is none. */
export function splitAssignment(text: string): { path: string; value: string } | null {
  const match = /^((?:"(?:[^"\\]|\\.)*"|[^"=])*)=/s.exec(text);
  return match === null ? null : { path: match[1].trim(), value: text.slice(match[0].length) };
}

/** The environment variable of a key. */
export function variableOf(path: KeyPath): string {
  return `WRENMQ_${path
    .map((segment) =>
      segment
        .replace(/(?<=[a-z0-9])(?=[A-Z][a-z])/g, '_')
        .replaceAll('-', '_')
        .toUpperCase(),
    )
    .join('__')}`;
}
