/** What the shell gets; documented in docs/command-line.md, and stable. */
export const ExitCode = {
  Success: 0,
  Failure: 1,
  /** The command line or the configuration is wrong. */
  Usage: 2,
  /** No connection: the name, the network, or TLS. */
  Unreachable: 3,
  /** The broker answered the CONNECT with a refusal. */
  Refused: 4,
  /** The broker refused a subscription or a message. */
  Denied: 5,
  /** What was measured does not meet a threshold, or cannot be relied upon. */
  Threshold: 6,
  /** What was waited for did not come in time; the same as mosquitto_sub's. */
  TimedOut: 27,
  /** A fault of ours or of the disk that the broker must not survive. */
  Fatal: 70,
  /** As the shell reports a process that SIGINT has ended. */
  Interrupted: 130,
  /** The same for SIGTERM. */
  Terminated: 143,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Ends a command with one message, which is shown as it is, and a code for the shell. */
export class CommandError extends Error {
  /** Usually an ExitCode; what a broker answered with, where that is asked for. */
  readonly exitCode: number;
  /** What the broker answered. */
  readonly reasonCode: number | undefined;

  constructor(message: string, exitCode: number = ExitCode.Failure, reasonCode?: number) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
    this.reasonCode = reasonCode;
  }
}
