/** Values with units, as people write them: `30s`, `1h30m`, `10MB`, `256MiB`, `100/s`. Each parser returns a number or a Fault. */

/** Why a text is not a value, in words for the person who wrote it. */
export class Fault {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

const millisecondsPer: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const bytesPer: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

export const durationPattern = '^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+$';
export const bytesPattern = '^[0-9]+(\\.[0-9]+)? ?(B|[kK]B|MB|GB|TB|KiB|MiB|GiB|TiB)?$';
export const ratePattern = '^[0-9]+(\\.[0-9]+)?/(s|m|h)$';

/** Milliseconds. A number without a unit is a fault, never a guess. */
export function parseDuration(input: unknown): number | Fault {
  if (typeof input === 'number' || (typeof input === 'string' && /^[0-9]+(\.[0-9]+)?$/.test(input))) {
    return new Fault(`${input} has no unit: write ${input}s, ${input}m, ${input}h or ${input}d`);
  }
  if (typeof input !== 'string' || !new RegExp(durationPattern).test(input)) {
    return new Fault(`${quote(input)} is not a duration: write a number with ms, s, m, h or d, such as 30s or 1h30m`);
  }
  let total = 0;
  for (const [, amount, unit] of input.matchAll(/([0-9.]+)(ms|s|m|h|d)/g)) total += Number(amount) * millisecondsPer[unit];
  return Math.round(total);
}

/** Bytes. A bare number is bytes, since every such key says so in its name. */
export function parseBytes(input: unknown): number | Fault {
  if (typeof input === 'number' && Number.isSafeInteger(input) && input >= 0) return input;
  const parts = typeof input === 'string' ? /^([0-9.]+) ?([a-zA-Z]*)$/.exec(input) : null;
  if (parts === null || !new RegExp(bytesPattern).test(input as string)) {
    return new Fault(
      `${quote(input)} is not a size: write bytes, or a number with KB, MB, GB (powers of 1000) or KiB, MiB, GiB (powers of 1024)`,
    );
  }
  const bytes = Math.round(Number(parts[1]) * (bytesPer[parts[2]] ?? 1));
  return Number.isSafeInteger(bytes) ? bytes : new Fault(`${quote(input)} is more than any machine has`);
}

/** Events per second. */
export function parseRate(input: unknown): number | Fault {
  const parts = typeof input === 'string' && new RegExp(ratePattern).test(input) ? /^([0-9.]+)\/(s|m|h)$/.exec(input) : null;
  if (parts === null) return new Fault(`${quote(input)} is not a rate: write a number per s, m or h, such as 100/s`);
  const perSecond = (Number(parts[1]) * 1000) / millisecondsPer[parts[2]];
  return perSecond > 0 ? perSecond : new Fault(`${quote(input)} would admit nothing, ever`);
}

/** A value as it can be shown in one line of a message. */
export function quote(input: unknown): string {
  const text =
    typeof input === 'string' ? JSON.stringify(input) : typeof input === 'object' && input !== null ? describeShape(input) : String(input);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function describeShape(input: object): string {
  return Array.isArray(input) ? 'a list' : 'a map';
}
