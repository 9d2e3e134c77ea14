import type { TestContext } from 'node:test';
import { Subscriber } from '#root/test/interop/interop.ts';

export interface Witness {
  /** Every payload that came, in order, up to the payload `end`. */
  payloads(): Promise<readonly string[]>;
}

/** A subscriber at QoS 2 that knows nothing of our client. Resolves when its subscription stands. */
export async function startWitness(
  t: TestContext,
  { host, port }: { readonly host: string; readonly port: number },
  filter: string,
): Promise<Witness> {
  const session = ['-V', '5', '-q', '2', '-i', 'witness', '-c', '-x', '3600'];
  const subscriber = await Subscriber.start(t, ['-h', host, '-p', `${port}`, '-t', filter, ...session], '%p');
  const payloads = async (): Promise<string[]> => {
    const all: string[] = [];
    while (all.at(-1) !== 'end') all.push(await subscriber.next());
    return all;
  };
  return { payloads };
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
