import { isCode, lineAt, type Problem, type SourceFile } from './source-file.ts';

interface Ban {
  /** Written so that it does not match itself. */
  readonly pattern: RegExp;
  readonly why: string;
}

const IN_EVERY_FILE: readonly Ban[] = [
  { pattern: /\b(TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b/g, why: 'unfinished: finish it, or write an issue' },
  { pattern: /(?<![\w.*-])\/(work|root)\/[\w.-]/g, why: 'a path of one machine' },
  {
    pattern: /\b(registry\.np[m]js|deb\.deb[i]an|pyp[i]\.org|files\.pythonhost[e]d)/g,
    why: 'a registry host: the reader has a registry of their own',
  },
  {
    pattern: /\b(cl[a]ude|anth[r]opic|open[a]i|chat[g]pt|cop[i]lot|l[l]ms?|sub-?ag[e]nts?|(ai|coding) (ag[e]nt|assistant)s?)\b/gi,
    why: 'not part of this project',
  },
];

const IN_CODE: readonly Ban[] = [{ pattern: /@ts-(ign[o]re|noch[e]ck)\b/g, why: 'mend the type' }];

/** Words that have no place in the repository. */
export function checkWords(file: SourceFile): Problem[] {
  const bans = isCode(file) ? [...IN_EVERY_FILE, ...IN_CODE] : IN_EVERY_FILE;
  return bans.flatMap(({ pattern, why }) =>
    [...file.text.matchAll(pattern)].map((match) => `${file.path}:${lineAt(file.text, match.index)} '${match[0]}': ${why}`),
  );
}
