import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { nodeBinary, repository } from '@wrenmq/testkit';
import type { ToolEnd } from './run-tool.ts';

const main = join(repository, 'packages', 'wrenmq', 'src', 'main.ts');

/** One of our commands that goes on while the test looks at it; it never outlives the test. */
export class StartedTool {
  readonly child: ChildProcess;
  readonly ended: Promise<ToolEnd>;
  #stdout = '';
  #stderr = '';
  #watchers: (() => void)[] = [];

  constructor(t: TestContext, args: readonly string[]) {
    const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('WRENMQ_'));
    this.child = spawn(nodeBinary, ['--conditions=@wrenmq/source', main, ...args], {
      env: { ...Object.fromEntries(environment), XDG_CONFIG_HOME: '/nonexistent' },
    });
    t.after(() => this.child.kill('SIGKILL'));
    this.child.stdin?.on('error', () => {});
    this.child.stdout?.on('data', (bytes) => this.#take(() => (this.#stdout += String(bytes))));
    this.child.stderr?.on('data', (bytes) => this.#take(() => (this.#stderr += String(bytes))));
    this.ended = once(this.child, 'close').then(([status]) => {
      this.#take(() => {});
      return { status: status as number | null, stdout: this.#stdout, stderr: this.#stderr };
    });
  }

  /** Starts `sub` or another command that subscribes, and waits until the subscription stands. */
  static async subscribed(t: TestContext, args: readonly string[]): Promise<StartedTool> {
    const tool = new StartedTool(t, [...args, '-d']);
    await tool.told('subscribed to');
    return tool;
  }

  /** Settles when this text has come, on standard output or standard error; rejects when the command ends without it. */
  async told(text: string): Promise<void> {
    while (!this.#stdout.includes(text) && !this.#stderr.includes(text)) {
      if (this.child.exitCode !== null) throw new Error(`ended without '${text}': ${this.#stderr}`);
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  #take(add: () => unknown): void {
    add();
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const wake of watchers) wake();
  }
}
