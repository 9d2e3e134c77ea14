import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { CommandError, ExitCode } from './exit-code.ts';

/** Asks for a new password twice on the terminal, without showing it. */
export async function askNewPassword(user: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new CommandError('there is no terminal to ask for the password: use --stdin, or -b with the password', ExitCode.Usage);
  }
  const password = await askHidden(`Password for ${user}: `);
  if (password !== (await askHidden('The same again: '))) throw new CommandError('the two passwords differ; nothing was changed');
  return password;
}

/** Asks for a password on the terminal, without showing it. */
export function askPassword(whose: string): Promise<string> {
  if (!process.stdin.isTTY)
    throw new CommandError(
      'wrenmq: there is no terminal to ask for the password: use --password-stdin, --password-file or WRENMQ_PASSWORD',
      ExitCode.Usage,
    );
  return askHidden(`Password for ${whose}: `);
}

/** The first line of standard input. */
export async function readPasswordLine(): Promise<string> {
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) return line;
  throw new CommandError('standard input is empty', ExitCode.Usage);
}

async function askHidden(question: string): Promise<string> {
  process.stderr.write(question);
  // With a terminal as its output readline edits the line itself; what it would echo goes nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  const interrupted = once(lines, 'SIGINT').then(() => {
    throw new CommandError('interrupted; nothing was changed', ExitCode.Interrupted);
  });
  const ended = once(lines, 'close').then(() => {
    throw new CommandError('no password was given; nothing was changed');
  });
  try {
    const [answer] = (await Promise.race([once(lines, 'line'), interrupted, ended])) as [string];
    return answer;
  } finally {
    ended.catch(() => {});
    interrupted.catch(() => {});
    lines.close();
    process.stderr.write('\n');
  }
}
