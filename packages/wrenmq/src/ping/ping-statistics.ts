/** How the round trips of one kind went, in milliseconds. */
export interface PingStatistics {
  readonly sent: number;
  readonly answered: number;
  readonly minMs: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly standardDeviationMs: number;
}

/** Null stands for a round trip that was not answered in time. */
export function pingStatistics(roundTrips: readonly (number | null)[]): PingStatistics {
  const times = roundTrips.filter((time) => time !== null).toSorted((one, other) => one - other);
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
  const variance = times.reduce((sum, time) => sum + (time - mean) ** 2, 0) / times.length;
  return {
    sent: roundTrips.length,
    answered: times.length,
    minMs: round(times[0]),
    meanMs: round(mean),
    p50Ms: round(quantile(times, 0.5)),
    p99Ms: round(quantile(times, 0.99)),
    maxMs: round(times.at(-1)),
    standardDeviationMs: round(Math.sqrt(variance)),
  };
}

function quantile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

/** To microseconds; 0 where there is nothing. */
function round(ms: number | undefined): number {
  return ms === undefined || Number.isNaN(ms) ? 0 : Math.round(ms * 1000) / 1000;
}
