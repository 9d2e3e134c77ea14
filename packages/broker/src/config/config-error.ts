/** One thing that is wrong with the configuration, and how to mend it. */
export interface ConfigProblem {
  /** The key, as it is written on the command line: `listeners.tcp.bind`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** Where it was said when that is no file: `WRENMQ_LISTENERS__TCP__BIND`, `--set listeners.tcp.bind=...`. */
  readonly source?: string;
  /** What to do instead. */
  readonly suggestion?: string;
}

/** The configuration cannot be used. Holds every problem at once, so that mending takes one round. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(formatProblems(problems));
    this.name = 'ConfigError';
    this.problems = problems;
  }

  /** One problem after the other, each with its place and its remedy, then how many there are. */
  format(): string {
    const count = this.problems.length;
    return `${formatProblems(this.problems)}\n${count === 1 ? '1 problem' : `${count} problems`} in the configuration`;
  }
}

export function formatProblems(problems: readonly ConfigProblem[]): string {
  return problems.map(formatProblem).join('\n');
}

function formatProblem(problem: ConfigProblem): string {
  const place =
    problem.file === undefined
      ? problem.source
      : [problem.file, problem.line, problem.column].filter((part) => part !== undefined).join(':');
  const head = [place, problem.path].filter((part) => part !== undefined && part !== '').join(': ');
  const remedy = problem.suggestion === undefined ? '' : `\n    ${problem.suggestion.replaceAll('\n', '\n    ')}`;
  return `${head}${head === '' ? '' : ' '}${problem.message}${remedy}`;
}
