/** A thread of `wrenmq bench --workers`: does its slice of a run, step by step, as it is told. */
import { parentPort, workerData } from 'node:worker_threads';
import { wireBroker } from '#wire/wire-broker.ts';
import { Crowd } from './crowd.ts';
import { createSlice } from './runner.ts';
import type { WorkerOrder, WorkerTask } from './worker-runner.ts';

const { plan, connection, identity, seat } = workerData as WorkerTask;
const port = parentPort!;
const interruption = new AbortController();
const crowd = new Crowd(await wireBroker(connection), identity, { payloadBytes: plan.payloadBytes, window: plan.window });
const slice = createSlice(plan, crowd, seat);

port.on('message', (order: WorkerOrder) => {
  if (order.kind === 'interrupt') interruption.abort();
  else void answer(order);
});

/** What goes wrong ends the thread, and with it the run. */
async function answer(order: Exclude<WorkerOrder, { kind: 'interrupt' }>): Promise<void> {
  const outcome = await obey(order);
  port.postMessage(outcome);
}

function obey(order: Exclude<WorkerOrder, { kind: 'interrupt' }>): Promise<unknown> {
  switch (order.kind) {
    case 'connect':
      return slice.connect(interruption.signal);
    case 'load':
      return slice.load(interruption.signal, order.startMs);
    case 'disperse':
      return slice.disperse();
  }
}
