/** What the shell gets; documented and stable. */
export const ExitCode = {
  Success: 0,
  Failure: 1,
  /** The command line or the configuration is wrong. */
  Usage: 2,
  /** A fault of ours or of the disk that the broker must not survive. */
  Fatal: 70,
  /** As the shell reports a process that SIGINT has ended. */
  Interrupted: 130,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Ends a command with one message, which is shown as it is, and a code for the shell. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = ExitCode.Failure) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}
