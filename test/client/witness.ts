import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface Witness {
  /** The subscription stands. */
  readonly ready: Promise<void>;
  /** Every payload that came, in order, once the payload `end` has come. */
  readonly payloads: Promise<readonly string[]>;
  stop(): void;
}

/** A subscriber that knows nothing of our client: mosquitto_sub at QoS 2, until the payload `end`. */
export function startWitness({ host, port }: { readonly host: string; readonly port: number }, filter: string): Witness {
  const args = ['-h', host, '-p', `${port}`, '-V', '5', '-q', '2', '-i', 'witness', '-c', '-x', '3600', '-t', filter, '-F', 'got %p', '-d'];
  // Its output would come in blocks.
  const child = spawn('stdbuf', ['-oL', 'mosquitto_sub', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let onReady!: () => void;
  const ready = new Promise<void>((resolve) => (onReady = resolve));
  const read = async (): Promise<string[]> => {
    const payloads: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.startsWith('Subscribed')) onReady();
      if (!line.startsWith('got ')) continue;
      payloads.push(line.slice(4));
      if (payloads.at(-1) === 'end') child.kill('SIGTERM');
    }
    return payloads;
  };
  return { ready, payloads: read(), stop: () => void child.kill('SIGKILL') };
}

/** What was taken and did not come, and what came more than once. */
export function judge(taken: Iterable<string>, payloads: readonly string[]): { readonly lost: string[]; readonly doubled: string[] } {
  const counts = new Map<string, number>();
  for (const payload of payloads) counts.set(payload, (counts.get(payload) ?? 0) + 1);
  return {
    lost: [...taken].filter((id) => !counts.has(id)),
    doubled: [...counts].filter(([, count]) => count > 1).map(([id]) => id),
  };
}
