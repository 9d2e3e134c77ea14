/** What the generator and the thread that sleeps for it share. */
export interface Alarm {
  /** An `Armed`. */
  readonly armed: Int32Array<SharedArrayBuffer>;
  /** Never changes: to sleep on. */
  readonly still: Int32Array<SharedArrayBuffer>;
  /** On the machine's monotonic clock. */
  readonly dueMs: Float64Array<SharedArrayBuffer>;
}

export const Armed = { No: 0, Yes: 1 } as const;

export const ALARM_BYTES = 16;

export function alarmOf(memory: SharedArrayBuffer): Alarm {
  return { armed: new Int32Array(memory, 0, 1), still: new Int32Array(memory, 4, 1), dueMs: new Float64Array(memory, 8, 1) };
}
