/** The thread of PreciseClock: sleeps until an alarm is due, and says so. */
import { parentPort, workerData } from 'node:worker_threads';
import { alarmOf, Armed } from './alarm.ts';

const { armed, still, dueMs } = alarmOf(workerData as SharedArrayBuffer);

for (;;) {
  Atomics.wait(armed, 0, Armed.No);
  const restMs = dueMs[0] - Number(process.hrtime.bigint()) / 1e6;
  if (restMs > 0) Atomics.wait(still, 0, 0, restMs);
  Atomics.store(armed, 0, Armed.No);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port of Node.js, not a window
  parentPort!.postMessage(null);
}
