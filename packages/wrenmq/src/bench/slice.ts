import type { ConnectOutcome } from './connect-load.ts';
import type { LoadOutcome } from './load-outcome.ts';
import type { StormOutcome } from './reconnect-storm.ts';

/** What a slice has to say after its load. */
export interface SliceOutcome {
  /** Null where connecting is all. */
  readonly messages: LoadOutcome | null;
  readonly storm: StormOutcome | null;
}

/** What one worker does of a run. First all slices connect, then all begin with the load at the same moment. */
export interface Slice {
  connect(interrupted: AbortSignal): Promise<ConnectOutcome>;
  /** `startMs`: on the machine's clock. */
  load(interrupted: AbortSignal, startMs: number): Promise<SliceOutcome>;
  disperse(): Promise<void>;
}
