/**
 * What a rewrite rule costs: `node --conditions=@wrenmq/source bench/micro/rewrite.ts`.
 * Prints one JSON line: nanoseconds for a topic that is remembered, microseconds for one that is not, and milliseconds for the
 * slowest pairs of expression and topic that fit into the bounds. Takes a few seconds.
 */
import { RewriteRules } from '#root/packages/broker/src/features/rewrite/rewrite-rules.ts';
import { RewriteRule, REWRITABLE_CHARACTERS_MAX } from '#root/packages/broker/src/topic/rewrite-rule.ts';

const rules = [
  { action: 'all', sourceTopic: 'y/+/z/#', re: '^y/(.+)/z/(.+)$', destTopic: 'y/z/$2' },
  { action: 'all', sourceTopic: 'x/#', re: '^x/y/(.+)$', destTopic: 'z/y/x/$1' },
] as const;
/** Expressions that make the engine follow as many ways at once as they can. */
const slow = ['(.*a){40}$', '((.*a)?(.*b)?(.*c)?){10}$', '(a{1,10}){1,10}$', '^x/((a+)+)+$'];
const textLong = ['a', 'ab', 'abc'].map((unit) => unit.repeat(REWRITABLE_CHARACTERS_MAX).slice(0, REWRITABLE_CHARACTERS_MAX));

function nanosecondsPerTopic(topics: readonly string[], rounds: number): number {
  const compiled = new RewriteRules(rules);
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const start = process.hrtime.bigint();
    for (const topic of topics) compiled.forTopic(topic);
    times.push(Number(process.hrtime.bigint() - start) / topics.length);
  }
  return times.toSorted((a, b) => a - b)[Math.floor(rounds / 2)];
}

function slowestMs(): number {
  let slowest = 0;
  for (const re of slow) {
    const rule = RewriteRule.compile({ action: 'all', sourceTopic: '#', re, destTopic: 'x' });
    if (!(rule instanceof RewriteRule)) throw new Error(`${re} is over the bounds`);
    for (const text of textLong) {
      const start = process.hrtime.bigint();
      rule.match(text);
      slowest = Math.max(slowest, Number(process.hrtime.bigint() - start) / 1e6);
    }
  }
  return slowest;
}

const few = Array.from({ length: 1000 }, (_, index) => (index % 2 === 0 ? `x/y/${index}` : `other/${index}`));
// More than are remembered, so that each is looked up.
const many = Array.from({ length: 40_000 }, (_, index) => `x/y/${index}`);
console.log(
  JSON.stringify({
    rememberedNs: Math.round(nanosecondsPerTopic(few, 101)),
    newMicroseconds: Number((nanosecondsPerTopic(many, 5) / 1000).toFixed(1)),
    slowestMs: Number(slowestMs().toFixed(1)),
  }),
);
