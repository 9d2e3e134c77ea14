import { RefusedBy } from './decision.ts';
import type { Refuser } from './explanation.ts';

const names: Record<RefusedBy, Refuser['by']> = {
  [RefusedBy.Rule]: 'rule',
  [RefusedBy.NoRule]: 'default',
  [RefusedBy.Hook]: 'hook',
  [RefusedBy.NoRoom]: 'no-room',
  [RefusedBy.Server]: 'server',
};

/** Who said no, as an entry has it: `number` is the rule's place plus one, or 0. */
export function refuserOf({ small, number }: { readonly small: number; readonly number: number }, ruleText: string): Refuser {
  const by = names[small as RefusedBy];
  return by === 'rule' ? { by, rule: number - 1, ruleText } : { by, rule: null, ruleText };
}
