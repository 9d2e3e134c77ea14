import { join } from 'node:path';
import { LaunchedProcess } from '@wrenmq/testkit';
import { type Contender, LOAD_CORE } from '#root/bench/contender.ts';
import { openFilesMax } from '#root/bench/machine.ts';

export interface CrowdOptions {
  readonly count: number;
  /** Of client ids; `crowd` when absent. */
  readonly prefix?: string;
  /** Connections under way at the same time; all at once when absent. */
  readonly parallel?: number;
  /** Session Expiry Interval in seconds: durable sessions of MQTT 5. Clean sessions of MQTT 3.1.1 when absent. */
  readonly expiry?: number;
  /** Each subscribes to a topic of its own; true when absent. */
  readonly subscribes?: boolean;
  /** Says DISCONNECT when it is done, and does not stay. */
  readonly leaves?: boolean;
  readonly timeoutMs?: number;
}

/** How it went. */
export interface CrowdResult {
  readonly served: number;
  readonly failed: number;
  readonly firstError: string | null;
  /** From the first connect to the last answer. */
  readonly ms: number;
  /** From a client's connect to its last answer. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Files that the crowd's process needs besides its sockets. */
const OTHER_FILES = 200;

/** Many clients, in a process of their own, which stay until they are disposed of. */
export class Crowd implements AsyncDisposable {
  readonly result: CrowdResult;
  readonly #process: LaunchedProcess;

  private constructor(process: LaunchedProcess, result: CrowdResult) {
    this.#process = process;
    this.result = result;
  }

  static async gather(broker: Contender, options: CrowdOptions): Promise<Crowd> {
    const open = options.leaves === true ? (options.parallel ?? options.count) : options.count;
    if (open + OTHER_FILES > openFilesMax()) {
      throw new Error(`${open} connections need more open files than ${openFilesMax()}: raise it with ulimit -n`);
    }
    let result: CrowdResult | null = null;
    const script = join(import.meta.dirname, 'crowd-process.ts');
    const launched = await LaunchedProcess.launch({
      command: 'taskset',
      args: [
        '-c',
        String(LOAD_CORE),
        process.execPath,
        '--conditions=@wrenmq/source',
        script,
        String(broker.port),
        JSON.stringify(options),
      ],
      isReady: (line) => {
        if (line.startsWith('{')) result = JSON.parse(line) as CrowdResult;
        return result !== null;
      },
      timeoutMs: options.timeoutMs ?? 120_000,
    });
    return new Crowd(launched, result!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.kill('SIGKILL');
  }
}
