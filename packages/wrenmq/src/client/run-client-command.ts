import type { MqttError, MqttErrorCode } from '@wrenmq/client';
import { reasonName } from '@wrenmq/codec';
import type { ConnectionFlags } from '#connection/connection-flags.ts';
import { CommandError, ExitCode } from '#exit-code.ts';
import { Interruption } from './interruption.ts';

/** What a command does: it says which step it is at, because a refusal means something else in each. */
export interface Steps {
  readonly signal: AbortSignal;
  /** The connection stands. */
  readonly connected: () => void;
}

/**
 * Runs a command that talks to a broker. Ctrl-C ends it in good order with 130; what goes wrong becomes a message that says what to do, and
 * the exit code that docs/command-line.md lists.
 */
export async function runClientCommand(flags: ConnectionFlags, run: (steps: Steps) => Promise<ExitCode | void>): Promise<void> {
  using interruption = new Interruption();
  let isConnected = false;
  let exitCode: number = ExitCode.Success;
  try {
    exitCode = (await run({ signal: interruption.signal, connected: () => void (isConnected = true) })) ?? ExitCode.Success;
  } catch (error) {
    if (!interruption.signal.aborted) throw flags.quiet === true ? silent(error, flags, isConnected) : describe(error, flags, isConnected);
  }
  const code = interruption.signal.aborted ? interruption.exitCode : exitCode;
  if (code !== ExitCode.Success) throw new CommandError('', code);
}

function silent(error: unknown, flags: ConnectionFlags, isConnected: boolean): unknown {
  const described = describe(error, flags, isConnected);
  return described instanceof CommandError ? new CommandError('', described.exitCode) : described;
}

/** What goes wrong between us and the broker, in words. */
function describe(error: unknown, flags: ConnectionFlags, isConnected: boolean): unknown {
  if (!isMqttError(error)) return error;
  const { code, reasonCode, message } = error;
  if (code === 'REFUSED') return refusal(error, flags, isConnected);
  if (code === 'DISCONNECTED' && isConnected && reasonCode !== undefined)
    return new CommandError(`wrenmq: the broker ended the connection: ${named(error)}`, ExitCode.Failure, reasonCode);
  const hint = isConnected ? '' : unreachableHint(error);
  return new CommandError(
    `wrenmq: ${message}${hint}`,
    isConnected ? (CODES_ONLINE[code] ?? ExitCode.Failure) : (CODES_BEFORE[code] ?? ExitCode.Failure),
  );
}

/** Exit codes while there is no connection yet, and after; what is not listed is a failure. */
const CODES_BEFORE: Readonly<Partial<Record<MqttErrorCode, ExitCode>>> = {
  DISCONNECTED: ExitCode.Unreachable,
  PROTOCOL: ExitCode.Unreachable,
  TIMEOUT: ExitCode.Unreachable,
  INVALID: ExitCode.Usage,
};
const CODES_ONLINE: Readonly<Partial<Record<MqttErrorCode, ExitCode>>> = {
  TIMEOUT: ExitCode.TimedOut,
  TOO_LARGE: ExitCode.Denied,
  NOT_SUPPORTED: ExitCode.Denied,
  INVALID: ExitCode.Usage,
};

function refusal(error: MqttError, flags: ConnectionFlags, isConnected: boolean): CommandError {
  if (isConnected) return new CommandError(`wrenmq: the broker refused it: ${named(error)}`, ExitCode.Denied, error.reasonCode);
  const exitCode = flags.exitWithReason === true ? (error.reasonCode ?? ExitCode.Refused) : ExitCode.Refused;
  return new CommandError(`wrenmq: the broker refused the connection: ${named(error)}`, exitCode, error.reasonCode);
}

/** The reason code, the broker's own words, and where to read more. */
function named({ reasonCode, message }: MqttError): string {
  if (reasonCode === undefined) return message;
  const hex = `0x${reasonCode.toString(16).padStart(2, '0')}`;
  const name = reasonName(reasonCode);
  return `${hex} ${message === name ? name : `${name}: ${message}`}\n(wrenmq explain ${hex})`;
}

function unreachableHint({ message, cause }: MqttError): string {
  const code = cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? '') : '';
  if (code === 'ECONNREFUSED' || message.includes('ECONNREFUSED'))
    return '\nIs a broker running there? One starts with: wrenmq start --dev';
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/.test(code))
    return '\nName the authority with --cafile, or leave the check out with --insecure.';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return '\nIs the name right? -h names the host.';
  return '';
}

/** By its name: the class itself is loaded only when there is a client. */
function isMqttError(error: unknown): error is MqttError {
  return error instanceof Error && error.name === 'MqttError';
}
