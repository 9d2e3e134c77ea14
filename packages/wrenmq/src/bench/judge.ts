/** What the load generator knows about itself at the end of a run. */
export interface GeneratorFacts {
  /** The share of time in which its event loop had work, from 0 to 1. */
  readonly utilization: number;
  /** CPU-seconds per second that it got. */
  readonly cpu: number;
  /** How late its timers came, 99th percentile. */
  readonly loopDelayP99Ms: number;
  /** How long after its intended time a message was written, where the broker had not held it back; null in a closed loop. */
  readonly scheduleDelayP99Ms: number | null;
  /** Of what the run measures; null when it measures no latency. */
  readonly latencyP99Ms: number | null;
  /** Messages that were due before the end and that it did not get round to. */
  readonly missed: number;
  /** Messages that were due. */
  readonly due: number;
}

const generatorBounds = {
  utilizationMax: 0.7,
  loopDelayP99MsMax: 10,
  /** Below this nobody minds; above it, the delay must be a small part of what is measured. */
  scheduleDelayP99MsMin: 1,
  scheduleDelayShareMax: 0.1,
  missedShareMax: 0.01,
} as const;

/** Why a result says more about the generator than about the broker; empty when it is valid. */
export function judgeGenerator(facts: GeneratorFacts): string[] {
  const bounds = generatorBounds;
  const reasons: string[] = [];
  if (facts.utilization > bounds.utilizationMax)
    reasons.push(
      `the generator was busy ${percent(facts.utilization)} of the time (bound: ${percent(bounds.utilizationMax)}), with ${percent(facts.cpu)} of a core`,
    );
  if (facts.loopDelayP99Ms > bounds.loopDelayP99MsMax)
    reasons.push(`its event loop was late by ${milliseconds(facts.loopDelayP99Ms)} at p99 (bound: ${bounds.loopDelayP99MsMax} ms)`);
  if (facts.missed > facts.due * bounds.missedShareMax)
    reasons.push(`it did not send ${facts.missed} of the ${facts.due} messages that were due`);
  const delay = facts.scheduleDelayP99Ms ?? 0;
  if (delay > bounds.scheduleDelayP99MsMin && delay > (facts.latencyP99Ms ?? 0) * bounds.scheduleDelayShareMax)
    reasons.push(
      `it fell behind its schedule by ${milliseconds(delay)} at p99` +
        (facts.latencyP99Ms === null
          ? ''
          : `, more than ${percent(bounds.scheduleDelayShareMax)} of the latency's ${milliseconds(facts.latencyP99Ms)}`),
    );
  return reasons;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 2 : 0)} ms`;
}
