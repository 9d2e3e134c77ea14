import { closeSync, openSync } from 'node:fs';

interface SignalHandlers {
  /** The first request to end. */
  onStop(reason: string): void;
  /** A second one: whoever asks does not want to wait. */
  onSecondStop(): void;
  onReload(): void;
}

/** npm forwards what the terminal has sent to the whole process group: signals so close together are one request. */
const ONE_REQUEST_MS = 500;

/** Turns the signals of the process into calls. */
export function handleSignals(handlers: SignalHandlers): void {
  let stoppedAt: number | null = null;
  const stop = (reason: string) => {
    const now = performance.now();
    if (stoppedAt === null) {
      stoppedAt = now;
      handlers.onStop(reason);
    } else if (now - stoppedAt > ONE_REQUEST_MS) {
      handlers.onSecondStop();
    }
  };
  const hadTerminal = process.stdin.isTTY;
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('SIGHUP', () => {
    // A closed terminal window sends SIGHUP too: it ends what was started in it.
    if (hadTerminal && !hasTerminal()) stop('SIGHUP');
    else handlers.onReload();
  });
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
