/** What a level that is missing or too much is worth against one that is another. */
const LENGTH_COST = 1;
const OTHER_COST = 1.5;
/** Another case, or a few other letters. */
const CASE_COST = 0.25;
const TYPO_COST = 0.5;
const COMPARED_CHARACTERS_MAX = 64;

/** The filter that is most like the topic: whose owner may have meant it. Null when none has anything of it. */
export function nearestFilter<Item extends { readonly filter: string }>(topic: string, items: Iterable<Item>): Item | null {
  const levels = topic.split('/');
  let nearest: Item | null = null;
  let lowest = Infinity;
  for (const item of items) {
    const cost = distance(item.filter.split('/'), levels);
    if (cost >= lowest) continue;
    nearest = item;
    lowest = cost;
  }
  return nearest;
}

/** Infinity when they have nothing in common. */
function distance(filter: readonly string[], topic: readonly string[]): number {
  if (isShifted(filter, topic)) return CASE_COST;
  const common = Math.min(filter.length, topic.length);
  let cost = 0;
  let alike = 0;
  for (let i = 0; i < common; i += 1) {
    if (filter[i] === '#') return alike > 0 ? cost : Infinity;
    const levelCost = filter[i] === '+' ? 0 : levelDistance(filter[i], topic[i]);
    if (levelCost < OTHER_COST && filter[i] !== '+') alike += 1;
    cost += levelCost;
  }
  cost += Math.abs(filter.length - topic.length) * LENGTH_COST;
  return alike > 0 ? cost : Infinity;
}

function levelDistance(a: string, b: string): number {
  if (a === b) return 0;
  if (a.toLowerCase() === b.toLowerCase() || a.trim() === b.trim()) return CASE_COST;
  return isTypo(a, b) ? TYPO_COST : OTHER_COST;
}

/** A slash too much or too little at the front. */
function isShifted(filter: readonly string[], topic: readonly string[]): boolean {
  return filter.slice(1).join('/') === topic.join('/') || topic.slice(1).join('/') === filter.join('/');
}

/** One letter is another, missing, too much, or has changed places with the next. */
function isTypo(a: string, b: string): boolean {
  if (Math.max(a.length, b.length) > COMPARED_CHARACTERS_MAX || Math.min(a.length, b.length) < 3) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  if (left.length <= 1 && right.length <= 1) return true;
  return left.length === 2 && right.length === 2 && left[0] === right[1] && left[1] === right[0];
}
