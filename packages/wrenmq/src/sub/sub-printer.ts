import { CommandError, ExitCode } from '#exit-code.ts';
import type { Formatter } from '#output/format-message.ts';
import { messagePrinter } from '#output/message-printer.ts';
import type { Output } from '#output/output.ts';
import type { SubFlags } from './sub-flags.ts';

/** What becomes of the messages of `sub`. */
export interface SubPrinter {
  readonly print: Formatter;
  /** Once, when no more messages come. */
  readonly end: () => void;
}

const SECOND_MS = 1000;
const REDRAW_MS = 200;
const CLEAR = '\x1b[H\x1b[J';

/** As the flags want it: --watch, --message-rate, --dump, or every message in its format. */
export async function subPrinter(flags: SubFlags, output: Output, complain: (what: string) => void): Promise<SubPrinter> {
  const ways = [flags.watch, flags.messageRate, flags.dump].filter((flag) => flag !== undefined);
  if (ways.length > 1) throw new CommandError('wrenmq: only one of --watch, --message-rate and --dump at a time', ExitCode.Usage);
  if (flags.watch === true) return watching(output);
  if (flags.messageRate === true) return counting(flags, output);
  if (flags.dump !== undefined) {
    const { DumpFiles } = await import('./dump-files.ts');
    const files = new DumpFiles(flags.dump, new Date());
    return { print: (message, sink) => sink.put(`${files.write(message)}\n`), end: () => {} };
  }
  return { print: messagePrinter(flags, (topic) => complain(`the message on ${topic} is no JSON`)), end: () => {} };
}

/** On a terminal the screen shows the topics all the time, elsewhere they are printed at the end. */
async function watching(output: Output): Promise<SubPrinter> {
  const { TopicBoard } = await import('./topic-board.ts');
  const board = new TopicBoard();
  const { isTTY, rows, columns } = process.stdout;
  const draw = (): void => {
    const size = process.stdout;
    output.put(isTTY ? `${CLEAR}${board.lines(size.rows, size.columns).join('\n')}` : `${board.lines(Infinity, Infinity).join('\n')}\n`);
  };
  const timer = isTTY && rows > 0 && columns > 0 ? setInterval(draw, REDRAW_MS) : undefined;
  const end = (): void => {
    clearInterval(timer);
    draw();
    if (isTTY) output.put('\n');
  };
  return { print: (message) => board.note(message), end };
}

async function counting(flags: SubFlags, output: Output): Promise<SubPrinter> {
  const { RateMeter } = await import('./rate-meter.ts');
  const meter = new RateMeter(flags.json === true);
  let since = performance.now();
  const tell = (): void => {
    const now = performance.now();
    output.put(`${meter.line(now - since, new Date())}\n`);
    since = now;
  };
  const timer = setInterval(tell, SECOND_MS);
  const end = (): void => {
    clearInterval(timer);
    tell();
  };
  return { print: (message) => meter.note(message), end };
}
