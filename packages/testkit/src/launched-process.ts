import { spawn, type ChildProcess } from 'node:child_process';

/** Output that is kept to show why a program failed. */
const outputCharactersMax = 64 * 1024;

export interface StartOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Told each line of stdout and of stderr. */
  onLine(line: string): void;
}

export interface LaunchOptions extends Omit<StartOptions, 'onLine'> {
  /** Told each line of stdout and of stderr; returns true when the program is ready. */
  isReady(line: string): boolean;
  readonly timeoutMs?: number;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program in a process of its own, which never outlives the test process. */
export class LaunchedProcess {
  readonly pid: number;
  /** Settles when the process has ended. */
  readonly whenEnded: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  #output = '';
  #hasEnded = false;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.pid = child.pid ?? -1;
    const killAtExit = (): void => void child.kill('SIGKILL');
    process.once('exit', killAtExit);
    this.whenEnded = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        process.off('exit', killAtExit);
        this.#hasEnded = true;
        resolve({ code, signal });
      });
    });
  }

  /** Starts the program, which may end at any time. */
  static async start(options: StartOptions): Promise<LaunchedProcess> {
    const child = spawn(options.command, options.args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: options.env ?? process.env,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    const started = new LaunchedProcess(child);
    started.#watch((line) => options.onLine(line));
    return started;
  }

  /** Starts the program and waits until it is ready; its output is in the error if it ends or takes too long instead. */
  static async launch(options: LaunchOptions): Promise<LaunchedProcess> {
    const { promise: ready, resolve: tellReady } = Promise.withResolvers<'ready'>();
    const onLine = (line: string): void => {
      if (options.isReady(line)) tellReady('ready');
    };
    const launched = await LaunchedProcess.start({ ...options, onLine });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), options.timeoutMs ?? 30_000);
    });
    const outcome = await Promise.race([ready, late, launched.whenEnded]);
    clearTimeout(timer);
    if (outcome === 'ready') return launched;
    await launched.kill('SIGKILL');
    const why = outcome === 'late' ? 'was not ready in time' : `ended with ${outcome.code ?? outcome.signal}`;
    throw new Error(`${options.command} ${options.args.join(' ')} ${why}:\n${launched.output}`);
  }

  /** The end of what it wrote, both streams together. */
  get output(): string {
    return this.#output;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Sends a signal and waits for the end. */
  async kill(signal: NodeJS.Signals = 'SIGTERM'): Promise<ProcessEnd> {
    if (!this.#hasEnded) this.#child.kill(signal);
    return this.whenEnded;
  }

  /** Sends a signal that does not end it (SIGHUP, SIGSTOP, SIGCONT). */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  #watch(onLine: (line: string) => void): void {
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      let rest = '';
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-outputCharactersMax);
        const lines = (rest + text).split('\n');
        rest = lines.pop()!;
        for (const line of lines) onLine(line);
      });
    }
  }
}
