import type { Topology } from './topology.ts';

/** Which worker has the client of this number; publishers come first, then subscribers. Pairs stay together. */
export function seatOf({ publishers, subscribers }: Topology, client: number, workers: number): number {
  const isSubscriber = client >= publishers.length;
  const place = isSubscriber ? client - publishers.length : client;
  // One that hears many has as much to do as all of them together.
  const hasLoneHearer = workers > 1 && subscribers.length === 1 && publishers.length > 1;
  if (!hasLoneHearer) return place % workers;
  return isSubscriber ? 0 : 1 + (place % (workers - 1));
}
