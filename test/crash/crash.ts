import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '@wrenmq/testkit';
import { BrokerProcess, type BrokerPlace, type Target } from './broker-process.ts';
import { Cast } from './cast.ts';
import { LoopDisk } from './loop-disk.ts';
import type { Problems } from './problems.ts';
import { Scene } from './scene.ts';

export interface CrashOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly target?: Target;
  readonly settings?: Readonly<Record<string, string>>;
  /** False lets the rounds end by SIGTERM and a full stop: the run without a fault. */
  readonly kills?: boolean;
  /** Cuts the power of a disk instead of killing the process. */
  readonly powerCuts?: boolean;
  /** How long the end waits for what is owed. */
  readonly drainMs?: number;
  /** Told of each round, to see that it goes on. */
  readonly onRound?: (round: number, words: string) => void;
}

export interface CrashReport {
  readonly seed: number;
  readonly kills: number;
  readonly acknowledged: number;
  readonly deliveries: number;
  /** The longest start, milliseconds. */
  readonly startMsMax: number;
  readonly problems: Problems;
  /** Left in place when there are problems. */
  readonly directory: string;
  /** The last events, for the message of a failed test. */
  readonly history: string;
}

/** A round lasts so long at most from the moment at which the broker is ready. */
const ROUND_MS_MAX = 700;
const DRAIN_MS = 30_000;

/** Kills a broker again and again under load, on one data directory, and judges what its clients saw. */
export async function crash(options: CrashOptions): Promise<CrashReport> {
  const kept = await mkdtemp(join(tmpdir(), `wrenmq-crash-${options.seed}-`));
  const disk = options.powerCuts === true ? await LoopDisk.create() : null;
  const run = new CrashRun(options, disk?.directory ?? kept, disk);
  const { scene } = run;
  try {
    await run.play();
    if (scene.problems.total > 0 && disk !== null) await cp(disk.directory, kept, { recursive: true });
  } finally {
    await run.stop();
    await disk?.close();
  }
  if (scene.problems.total === 0) await rm(kept, { recursive: true, force: true });
  return {
    seed: options.seed,
    kills: run.kills,
    acknowledged: scene.deliveries.acknowledged,
    deliveries: scene.deliveries.deliveries,
    startMsMax: run.startMsMax,
    problems: scene.problems,
    directory: kept,
    history: scene.history,
  };
}

/** What to print when a run has found something. */
export function describeFailure(report: CrashReport): string {
  return `seed ${report.seed}, data in ${report.directory}: ${String(report.problems)}\n${report.history}`;
}

class CrashRun {
  readonly scene: Scene;
  kills = 0;
  startMsMax = 0;
  readonly #options: CrashOptions;
  readonly #place: BrokerPlace;
  readonly #disk: LoopDisk | null;
  readonly #cast: Cast;
  #broker: BrokerProcess | null = null;
  #lastStartMs = 1000;

  constructor(options: CrashOptions, directory: string, disk: LoopDisk | null) {
    this.#options = options;
    this.#disk = disk;
    this.#place = {
      target: options.target ?? 'wrenmq',
      directory,
      ...(options.settings === undefined ? {} : { settings: options.settings }),
    };
    this.scene = new Scene(seededRandom(options.seed), options.target === 'mosquitto' ? 200 : 5000);
    this.#cast = new Cast(this.scene);
  }

  async play(): Promise<void> {
    const first = await this.#start();
    if (first === null) return;
    await this.#cast.enter(first.wire);
    await this.#round(first);
    for (let round = 2; round <= this.#options.rounds; round += 1) {
      const isEarly = this.#options.kills !== false && this.scene.chance(0.15);
      if (isEarly) await this.#killEarly();
      else {
        const broker = await this.#start();
        if (broker === null) return;
        await this.#round(broker);
      }
      this.#options.onRound?.(round, `${this.scene.deliveries.acknowledged} acknowledged, ${this.scene.deliveries.owed} owed`);
    }
    await this.#finish();
  }

  /** Leaves no process behind, however the run went. */
  async stop(): Promise<void> {
    await this.#broker?.kill('SIGKILL');
  }

  async #launch(): Promise<BrokerProcess> {
    this.#broker = await BrokerProcess.start(this.#place);
    return this.#broker;
  }

  async #start(): Promise<BrokerProcess | null> {
    const startedAtMs = performance.now();
    const broker = await this.#launch();
    const result = await broker.whenReady;
    if (result !== 'ready') {
      this.scene.problems.add('broker', `it did not start: ${result.code ?? result.signal}\n${broker.lastWords}`);
      return null;
    }
    this.#lastStartMs = performance.now() - startedAtMs;
    this.startMsMax = Math.max(this.startMsMax, this.#lastStartMs);
    this.scene.isFalling = false;
    this.scene.note(`broker ${broker.pid} ready after ${Math.round(this.#lastStartMs)} ms`);
    this.#cast.fell(Infinity, this.scene.nowMs);
    return broker;
  }

  /** Lets the load run and ends the broker at a random moment. */
  async #round(broker: BrokerProcess): Promise<void> {
    const playing = this.#cast.play(broker.wire);
    await Promise.race([delay(this.scene.random() * ROUND_MS_MAX), broker.whenEnded]);
    if (broker.hasEnded) this.scene.problems.add('broker', `it ended by itself:\n${broker.lastWords}`);
    await this.#end(broker);
    await playing;
    this.#judge(broker);
  }

  async #end(broker: BrokerProcess): Promise<void> {
    const { scene } = this;
    const isKilled = this.#options.kills !== false;
    const isPolite = !isKilled || scene.chance(0.15);
    scene.isFalling = true;
    this.#cast.fell(scene.nowMs, Infinity);
    scene.note(`broker ${broker.pid} gets ${isPolite ? 'SIGTERM' : 'SIGKILL'}`);
    if (isPolite) {
      const ending = broker.kill('SIGTERM');
      // Most of these are killed while they shut down.
      if (isKilled && scene.chance(0.7)) await Promise.race([delay(scene.random() * 30), ending]);
      else if ((await ending).code !== 0)
        scene.problems.add('broker', `SIGTERM ended it with ${JSON.stringify(await ending)}:\n${broker.lastWords}`);
    }
    if (isKilled) this.kills += 1;
    await this.#kill(broker);
  }

  /** Ends it at once: the process alone, or with the power of its disk. */
  async #kill(broker: BrokerProcess): Promise<void> {
    if (this.#disk === null) {
      await broker.kill('SIGKILL');
      return;
    }
    if (!broker.hasEnded) broker.signal('SIGSTOP');
    await this.#disk.cut();
    await broker.kill('SIGKILL');
    await this.#disk.restore();
  }

  /** Kills it on its way up. */
  async #killEarly(): Promise<void> {
    const broker = await this.#launch();
    await Promise.race([delay(this.scene.random() * (this.#lastStartMs + 50)), broker.whenEnded]);
    if (broker.hasEnded) this.scene.problems.add('broker', `it ended by itself at start:\n${broker.lastWords}`);
    this.scene.note(`broker ${broker.pid} gets SIGKILL while it starts`);
    this.kills += 1;
    await this.#kill(broker);
    this.#judge(broker);
  }

  #judge(broker: BrokerProcess): void {
    for (const line of broker.errors) this.scene.problems.add('broker', `it logged ${line.slice(0, 500)}`);
  }

  async #finish(): Promise<void> {
    const { scene } = this;
    const broker = await this.#start();
    if (broker === null) return;
    await this.#cast.leave(broker.wire, this.#options.drainMs ?? DRAIN_MS);
    scene.deliveries.finish();
    scene.wills.finish();
    if (broker.hasEnded) scene.problems.add('broker', `it ended by itself:\n${broker.lastWords}`);
    scene.isFalling = true;
    const end = await broker.kill('SIGTERM');
    if (end.code !== 0) scene.problems.add('broker', `SIGTERM ended it with ${JSON.stringify(end)}:\n${broker.lastWords}`);
    this.#judge(broker);
  }
}
