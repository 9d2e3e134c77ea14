import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { LaunchedProcess } from './launched-process.ts';
import { tempDirectory } from './temp-directory.ts';
import type { WireTarget } from './wire-transport.ts';

const binary = '/usr/sbin/mosquitto';
const attemptsMax = 5;

export const hasMosquitto: boolean = existsSync(binary);

export interface ForeignBroker extends AsyncDisposable {
  readonly target: WireTarget & { readonly host: string; readonly port: number };
  readonly webSocketTarget: WireTarget;
  readonly pid: number;
  readonly output: string;
  kill(signal?: NodeJS.Signals): Promise<unknown>;
  close(): Promise<void>;
}

export interface MosquittoOptions {
  /** More lines of its configuration file. */
  readonly configuration?: readonly string[];
}

/** Debian's mosquitto on free ports, to see whether a test says what the standard says or only what our broker does. */
export async function launchMosquitto(options: MosquittoOptions = {}): Promise<ForeignBroker> {
  const directory = await tempDirectory('wrenmq-mosquitto-');
  for (let attempt = 1; ; attempt += 1) {
    const [port, webSocketPort] = [await freePort(), await freePort()];
    const file = join(directory.path, 'mosquitto.conf');
    await writeFile(file, configuration(port, webSocketPort, options.configuration ?? []));
    try {
      const launched = await LaunchedProcess.launch({
        command: binary,
        args: ['-v', '-c', file],
        isReady: (line) => line.endsWith(' running'),
        timeoutMs: 10_000,
      });
      return foreignBroker(launched, { host: '127.0.0.1', port }, webSocketPort, () => directory.remove());
    } catch (error) {
      if (attempt < attemptsMax && String(error).includes('Address already in use')) continue;
      await directory.remove();
      throw error;
    }
  }
}

function configuration(port: number, webSocketPort: number, more: readonly string[]): string {
  const lines = [
    'per_listener_settings false',
    'allow_anonymous true',
    'persistence false',
    `user ${process.getuid?.() === 0 ? 'root' : 'mosquitto'}`,
    `listener ${port} 127.0.0.1`,
    // Options of a listener that come before one would open another on port 1883.
    ...more,
    `listener ${webSocketPort} 127.0.0.1`,
    'protocol websockets',
  ];
  return `${lines.join('\n')}\n`;
}

/** What every broker that is not ours has in common. */
export function foreignBroker(
  launched: LaunchedProcess,
  target: { readonly host: string; readonly port: number },
  webSocketPort: number,
  clean: () => Promise<void>,
): ForeignBroker {
  const close = async (): Promise<void> => {
    await launched.kill('SIGKILL');
    await clean();
  };
  return {
    target,
    webSocketTarget: { host: target.host, port: webSocketPort, webSocketPath: '/mqtt' },
    pid: launched.pid,
    get output() {
      return launched.output;
    },
    kill: (signal) => launched.kill(signal),
    close,
    [Symbol.asyncDispose]: close,
  };
}
