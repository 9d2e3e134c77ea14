import { randomInt, randomUUID } from 'node:crypto';
import { CommandError, ExitCode } from '#exit-code.ts';

/** What the placeholders of --template stand for in one message. */
const VALUES: Readonly<Record<string, (order: number, words: readonly string[]) => string>> = {
  n: (order) => String(order),
  ts: () => String(Date.now()),
  uuid: () => randomUUID(),
  rand: (_order, words) => between(words),
};
/** As far as whole numbers are drawn evenly. */
const SPAN_MAX = 2 ** 48 - 1;

/** The text of message number `order` (from 1): {{n}}, {{ts}}, {{uuid}} and {{rand a b}} have their values. */
export function renderTemplate(template: string, order: number): string {
  return template.replaceAll(/\{\{\s*(\w*)\s*([^{}]*?)\s*\}\}/g, (whole, name: string, rest: string) => {
    if (!Object.hasOwn(VALUES, name)) throw usage(`${whole}: there are {{n}}, {{ts}}, {{uuid}} and {{rand a b}}`);
    return VALUES[name](
      order,
      rest.split(/\s+/).filter((word) => word !== ''),
    );
  });
}

/** Both ends belong to it. With a fraction in one of them, as many digits as it has. */
function between(words: readonly string[]): string {
  const [low, high] = words.map(Number);
  if (words.length !== 2 || !Number.isFinite(low) || !Number.isFinite(high) || low > high)
    throw usage('{{rand a b}} takes two numbers, the smaller one first');
  const digits = Math.max(...words.map((word) => word.split('.')[1]?.length ?? 0));
  const scale = 10 ** digits;
  const [from, to] = [Math.round(low * scale), Math.round(high * scale)];
  if (to - from >= SPAN_MAX) throw usage(`{{rand ${words.join(' ')}}}: too far apart`);
  return ((from + randomInt(to - from + 1)) / scale).toFixed(digits);
}

function usage(message: string): CommandError {
  return new CommandError(`wrenmq: --template: ${message}`, ExitCode.Usage);
}
