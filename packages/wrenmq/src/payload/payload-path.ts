import { CommandError, ExitCode } from '#exit-code.ts';

/** `.name`, `."any name"`, `["any name"]`, `[3]` or `[-1]`. */
const STEP =
  /\.(?<name>[\w-]+)|\.?(?:\[\s*(?<index>-?\d+)\s*\]|\[\s*(?<bracket>"(?:[^"\\]|\\.)*")\s*\]|(?<quoted>(?<=\.)"(?:[^"\\]|\\.)*"))/y;

/** Compiles the path of --jq: what it finds in a value of JSON, or undefined. */
export function compilePath(path: string): (value: unknown) => unknown {
  const steps = path === '.' ? [] : readSteps(path);
  return (value) => {
    let found: unknown = value;
    for (const step of steps) {
      if (found === null || typeof found !== 'object') return undefined;
      if (typeof step === 'number') found = Array.isArray(found) ? found.at(step) : undefined;
      else found = !Array.isArray(found) && Object.hasOwn(found, step) ? (found as Record<string, unknown>)[step] : undefined;
    }
    return found;
  };
}

function readSteps(path: string): (string | number)[] {
  const steps: (string | number)[] = [];
  const pattern = new RegExp(STEP);
  do {
    const at = pattern.lastIndex;
    const groups = pattern.exec(path)?.groups;
    if (groups === undefined)
      throw new CommandError(`wrenmq: --jq ${path}: at '${path.slice(at)}': a path is like .a.b[0] or ."a b"["c"][-1]`, ExitCode.Usage);
    const { name, index, bracket, quoted } = groups;
    steps.push(index === undefined ? (name ?? (JSON.parse(bracket ?? quoted) as string)) : Number(index));
  } while (pattern.lastIndex < path.length);
  return steps;
}
