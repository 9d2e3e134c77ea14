import type { ProbeRoom } from './probe-room.ts';

/** What a check has found out. */
export interface Finding {
  /** True and false: can and cannot. Null: it could not be told, and `note` says why. */
  readonly value: boolean | number | string | null;
  readonly note?: string;
}

/** One question to a broker. */
export interface Check {
  /** In JSON; stable. */
  readonly key: string;
  readonly title: string;
  /** The versions in which it makes sense; all when absent. */
  readonly versions?: readonly (3 | 4 | 5)[];
  ask(room: ProbeRoom): Promise<Finding>;
}

export interface CheckGroup {
  readonly title: string;
  readonly checks: readonly Check[];
}
