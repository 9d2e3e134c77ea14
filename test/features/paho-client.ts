import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { LaunchedProcess } from '@wrenmq/testkit';

/** What paho-client.py prints. */
export type PahoEvent =
  | { readonly event: 'connect' }
  | { readonly event: 'subscribe'; readonly granted: readonly number[] }
  | { readonly event: 'message'; readonly topic: string; readonly payload: string; readonly retain: boolean };

export interface PahoOptions {
  readonly port: number;
  readonly version?: 4 | 5;
  readonly clientId: string;
  readonly filters?: readonly string[];
}

/** paho in a process of its own; hands out what happens to it, and never outlives the test. */
export class PahoClient {
  readonly #events: PahoEvent[] = [];
  readonly #waiting: ((event: PahoEvent) => void)[] = [];
  #process!: LaunchedProcess;

  /** Connects; `next` tells how its subscriptions went. */
  static async start(t: TestContext, { port, version = 5, clientId, filters = [] }: PahoOptions): Promise<PahoClient> {
    const client = new PahoClient();
    client.#process = await LaunchedProcess.launch({
      command: '/usr/bin/python3',
      args: ['-B', join(import.meta.dirname, 'paho-client.py'), String(port), String(version), clientId, ...filters],
      isReady: (line) => {
        if (!line.startsWith('{')) return false;
        const event = JSON.parse(line) as PahoEvent;
        if (event.event !== 'connect') client.#offer(event);
        return event.event === 'connect';
      },
    });
    t.after(() => client.#process.kill());
    return client;
  }

  next(): Promise<PahoEvent> {
    const event = this.#events.shift();
    return event === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(event);
  }

  /** Ends it without a DISCONNECT. */
  kill(): Promise<unknown> {
    return this.#process.kill('SIGKILL');
  }

  #offer(event: PahoEvent): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#events.push(event);
    else waiting(event);
  }
}

/** Where Debian has paho. */
export const pahoFile = '/usr/lib/python3/dist-packages/paho/mqtt/client.py';
