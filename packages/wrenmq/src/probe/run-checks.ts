import type { ProtocolVersion } from '@wrenmq/codec';
import type { Check, CheckGroup, Finding } from './check.ts';
import { announcedLimits, triedLimits } from './limit-checks.ts';
import { identity, messages } from './message-checks.ts';
import type { ProbeRoom } from './probe-room.ts';
import { refusals } from './refusal-checks.ts';
import { sessions } from './session-checks.ts';
import { subscriptions } from './subscription-checks.ts';

export const groups: readonly CheckGroup[] = [identity, announcedLimits, triedLimits, messages, subscriptions, sessions, refusals];

/** The note of a check that makes no sense in the version that the broker speaks. */
export const OTHER_VERSION = 'only in MQTT 5';

/** What is asked at the same time: some checks do nothing but wait. */
const PARALLEL = 4;

/** Asks everything that makes sense; the findings by the keys of the checks. A check that fails has found nothing, and says why. */
export async function runChecks(room: ProbeRoom, checks: readonly Check[]): Promise<Map<string, Finding>> {
  const findings = new Map<string, Finding>();
  const waiting = checks.values();
  const askOneByOne = async (): Promise<void> => {
    for (const check of waiting) findings.set(check.key, await ask(check, room));
  };
  await Promise.all(Array.from({ length: PARALLEL }, askOneByOne));
  return findings;
}

async function ask(check: Check, room: ProbeRoom): Promise<Finding> {
  if (!makesSense(check, room.version)) return { value: null, note: OTHER_VERSION };
  return check.ask(room).catch((error: Error) => ({ value: null, note: error.message }));
}

function makesSense({ versions }: Check, version: ProtocolVersion): boolean {
  return versions === undefined || versions.includes(version);
}
