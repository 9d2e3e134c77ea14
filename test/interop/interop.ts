import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { promisify } from 'node:util';
import { launchBroker, type LaunchedBroker, type LaunchBrokerOptions } from '@wrenmq/testkit';

export const run = promisify(execFile);

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

/** A program of the mosquitto-clients package that subscribes; hands out lines as they come. */
export class LineReader {
  readonly #lines: string[] = [];
  readonly #waiting: ((line: string) => void)[] = [];
  readonly #child: ReturnType<typeof spawn>;

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let rest = '';
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.#offer(line);
    });
  }

  next(): Promise<string> {
    const line = this.#lines.shift();
    return line === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(line);
  }

  /** The first line that fits. */
  async find(fits: (line: string) => boolean): Promise<string> {
    for (;;) {
      const line = await this.next();
      if (fits(line)) return line;
    }
  }

  stop(): void {
    this.#child.kill();
  }

  #offer(line: string): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#lines.push(line);
    else waiting(line);
  }
}

export const python = '/usr/bin/python3';
export const pahoExamples: string = join(import.meta.dirname, 'paho-examples.py');
