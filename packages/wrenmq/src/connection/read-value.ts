import { CommandError, ExitCode } from '#exit-code.ts';

export interface NumberRange {
  readonly min: number;
  readonly max: number;
  /** Default: whole numbers only. */
  readonly fraction?: boolean;
}

/** The number that a flag gives; undefined when the flag is absent. */
export function readNumber(flag: string, text: string | undefined, range: NumberRange): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  const isWhole = range.fraction === true || Number.isInteger(value);
  if (Number.isFinite(value) && isWhole && value >= range.min && value <= range.max) return value;
  const kind = range.fraction === true ? 'a number' : 'a whole number';
  throw new CommandError(`wrenmq: ${flag} ${text}: must be ${kind} from ${range.min} to ${range.max}`, ExitCode.Usage);
}

/** The quality of service that a flag gives; undefined when the flag is absent. */
export function readQoS(flag: string, text: string | undefined): 0 | 1 | 2 | undefined {
  return readNumber(flag, text, { min: 0, max: 2 }) as 0 | 1 | 2 | undefined;
}
