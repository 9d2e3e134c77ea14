/**
 * What a subscription costs in the trie: `node --expose-gc --conditions=@wrenmq/source bench/micro/topic.ts [subscriptions]`.
 * Prints one JSON line; takes about ten seconds for the default of 1,000,000 subscriptions, 10 % of them with wildcards.
 */
import { filterOf } from '#root/bench/filter-of.ts';
import { SubscriptionTrie } from '#root/packages/broker/src/topic/subscription-trie.ts';

const subscriptions = Number(process.argv[2] ?? 1_000_000);
const topicsPerRound = 100_000;
const rounds = 10;

const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error('run with --expose-gc');

function usedBytes(): number {
  collect?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function nanosecondsPerMatch(trie: SubscriptionTrie<object>, topics: readonly string[]): { median: number; matches: number } {
  const out: object[] = [];
  const times: number[] = [];
  let matches = 0;
  for (let round = 0; round < rounds; round += 1) {
    const start = process.hrtime.bigint();
    for (const topic of topics) {
      out.length = 0;
      trie.match(topic, out);
      matches += out.length;
    }
    times.push(Number(process.hrtime.bigint() - start) / topics.length);
  }
  times.sort((a, b) => a - b);
  return { median: Math.round(times[rounds >> 1]), matches: matches / (rounds * topics.length) };
}

function measure(): Record<string, unknown> {
  // Each subscriber is one object that exists anyway; only what the trie adds is counted.
  const subscriber = { name: 'one' };
  const before = usedBytes();
  const trie = new SubscriptionTrie<object>();
  let longestAddMs = 0;
  const addStart = performance.now();
  for (let index = 0; index < subscriptions; index += 1) {
    const start = performance.now();
    trie.add(filterOf(index), subscriber);
    longestAddMs = Math.max(longestAddMs, performance.now() - start);
  }
  const addMs = performance.now() - addStart;
  const bytesPerSubscription = Math.round((usedBytes() - before) / subscriptions);

  const step = Math.max(1, Math.floor(subscriptions / topicsPerRound));
  const topics = Array.from({ length: topicsPerRound }, (_, at) => {
    const index = (at * step) % subscriptions;
    return `site/${index % 1_000}/device/${index}/temp`;
  });
  const hit = nanosecondsPerMatch(trie, topics);
  const miss = nanosecondsPerMatch(
    trie,
    topics.map((topic) => `${topic}/none`),
  );

  const deep = new SubscriptionTrie<object>();
  for (let levels = 1; levels <= 50; levels += 1) {
    deep.add(Array.from({ length: levels }, () => '+').join('/'), subscriber);
    deep.add(`${Array.from({ length: levels }, () => '+').join('/')}/#`, subscriber);
  }
  const deepHit = nanosecondsPerMatch(
    deep,
    Array.from({ length: 1_000 }, () => Array.from({ length: 50 }, () => 'level').join('/')),
  );

  const full = usedBytes();
  const removeStart = performance.now();
  for (let index = 0; index < subscriptions; index += 1) trie.remove(filterOf(index), subscriber);
  const removeMs = performance.now() - removeStart;
  const left = usedBytes() - full + bytesPerSubscription * subscriptions;

  return {
    node: process.version,
    subscriptions,
    bytesPerSubscription,
    addNs: Math.round((addMs * 1e6) / subscriptions),
    longestAddMs: Math.round(longestAddMs),
    matchNs: hit.median,
    matchesPerTopic: hit.matches,
    missNs: miss.median,
    fiftyLevelsNs: deepHit.median,
    fiftyLevelsMatches: deepHit.matches,
    removeNs: Math.round((removeMs * 1e6) / subscriptions),
    bytesLeftAfterRemoval: Math.max(0, Math.round(left)),
    remaining: trie.size,
  };
}

console.log(JSON.stringify(measure()));
