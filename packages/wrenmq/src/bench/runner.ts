import type { BenchPlan } from './bench-plan.ts';
import type { ConnectOutcome } from './connect-load.ts';
import { ConnectionSlice } from './connection-slice.ts';
import type { Crowd } from './crowd.ts';
import { MessageSlice } from './message-slice.ts';
import type { Seat } from './run-board.ts';
import type { Slice, SliceOutcome } from './slice.ts';
import { machineClockOffsetMs } from './stamp.ts';

/** Does the slices of a run, here or in threads. What it returns has an item for each slice. */
export interface Runner {
  connect(): Promise<readonly ConnectOutcome[]>;
  load(): Promise<readonly SliceOutcome[]>;
  /** Everybody leaves; their sessions end. */
  disperse(): Promise<void>;
}

export function createSlice(plan: BenchPlan, crowd: Crowd, seat: Seat): Slice {
  return plan.scenario === 'conn' ? new ConnectionSlice(plan, crowd, seat) : new MessageSlice(plan, crowd, seat);
}

/** The whole run is one slice, in this thread. */
export function runHere(slice: Slice, interrupted: AbortSignal): Runner {
  return {
    connect: async () => [await slice.connect(interrupted)],
    load: async () => [await slice.load(interrupted, performance.now() + machineClockOffsetMs())],
    disperse: () => slice.disperse(),
  };
}
