import type { AccessRule } from './access-rule.ts';

/** Short words for rules: `allow publish a/+`. */
export function rule(words: string, more: Partial<AccessRule> = {}): AccessRule {
  const [permission, action, ...topics] = words.split(' ');
  return { permission: permission as 'allow', action: action as 'all', topics, ...more };
}
