import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { after, before, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { launchBroker, LaunchedProcess, type LaunchedBroker, type LaunchBrokerOptions } from '@wrenmq/testkit';

const execute = promisify(execFile);
/** How long a program may take: only that of a failing test takes so long. */
const patienceMs = 40_000;

/** Runs a program to its end and gives what it wrote; rejects when it fails or does not end. */
export function run(command: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return execute(command, args, { timeout: patienceMs, maxBuffer: 4 * 1024 * 1024 });
}

/** The broker of a file: `wrenmq start` with its own defaults, but for the ports. */
export interface Place {
  readonly broker: LaunchedBroker;
  port(listener: string): number;
  /** The file of the authority that signed the broker's certificate. */
  readonly caFile: string;
  ca(): Promise<string>;
}

export function useLaunchedBroker(options: LaunchBrokerOptions = {}): Place {
  let broker!: LaunchedBroker;
  before(async () => {
    broker = await launchBroker(options);
  });
  after(() => broker?.close());
  const place: Place = {
    get broker() {
      return broker;
    },
    port: (listener) => broker.target(listener).port,
    get caFile() {
      return broker.certificateAuthority;
    },
    ca: () => readFile(place.caFile, 'utf8'),
  };
  return place;
}

/** Skips a test where a Debian package is missing; `.ci` installs them all. */
export function needs(file: string, debianPackage: string): { skip: string | false } {
  return { skip: existsSync(file) ? false : `needs the Debian package ${debianPackage}` };
}

/** How `Subscriber` has mosquitto_sub print a message, unless a test wants more of it. */
const messageFormat = '%t %q %r %p';
const messageMark = 'message: ';

/** mosquitto_sub in a process of its own; hands out messages as they come, and never outlives the test. */
export class Subscriber {
  readonly #messages: string[] = [];
  readonly #waiting: ((message: string) => void)[] = [];
  #process!: LaunchedProcess;

  /** Starts mosquitto_sub and waits until its subscription stands. `format` is that of its option -F. */
  static async start(t: TestContext, args: readonly string[], format = messageFormat): Promise<Subscriber> {
    const subscriber = new Subscriber();
    subscriber.#process = await LaunchedProcess.launch({
      command: 'stdbuf',
      // -d tells when the subscription stands.
      args: ['-oL', 'mosquitto_sub', ...args, '-d', '-F', `${messageMark}${format}`],
      isReady: (line) => {
        if (line.startsWith(messageMark)) subscriber.#offer(line.slice(messageMark.length));
        return line.startsWith('Subscribed');
      },
    });
    t.after(() => subscriber.#process.kill());
    return subscriber;
  }

  next(): Promise<string> {
    const message = this.#messages.shift();
    return message === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(message);
  }

  /** The next so many messages, in any order. */
  async take(count: number): Promise<string[]> {
    const found: string[] = [];
    for (let i = 0; i < count; i += 1) found.push(await this.next());
    return found.toSorted();
  }

  /** What came and has not been handed out. */
  get pending(): readonly string[] {
    return this.#messages;
  }

  /** Ends it as a failure would: no DISCONNECT is sent. */
  kill(): Promise<unknown> {
    return this.#process.kill('SIGKILL');
  }

  #offer(message: string): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#messages.push(message);
    else waiting(message);
  }
}
