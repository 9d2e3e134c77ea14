import type { ContenderName } from './contender.ts';

/** The least that a row should reach, as a multiple of what another program does in the same run. */
export interface Target {
  readonly of: Exclude<ContenderName, 'wrenmq'>;
  readonly ratio: number;
}

export interface Row {
  readonly name: string;
  readonly title: string;
  /** Arguments of mqload. */
  readonly load: string;
  readonly target: Target;
  /** False where the ceiling cannot take part: it knows MQTT 3.1.1 at QoS 0 and 1 only. */
  readonly hasCeiling: boolean;
}

/** The table of the plan: every way in which messages flow, with what is to be reached. */
export const ROWS: readonly Row[] = [
  row('pair', 'one pair, pipelined', '-m pair -P 1 -w 1000', { of: 'ceiling', ratio: 0.6 }),
  row('pairs', '50 pairs, pipelined', '-m pair -P 50 -w 100', { of: 'ceiling', ratio: 0.6 }),
  row('fanin', 'fan-in 50 to 1', '-m fanin -P 50 -S 1 -w 100', { of: 'ceiling', ratio: 0.6 }),
  row('fanout', 'fan-out 1 to 100', '-m fanout -P 1 -S 100 -w 20', { of: 'ceiling', ratio: 0.85 }),
  row('single', '50 pairs, one at a time', '-m pair -P 50 -w 1', { of: 'ceiling', ratio: 0.9 }),
  row('qos1', 'QoS 1, 50 pairs', '-m pair -P 50 -w 20 -q 1', { of: 'ceiling', ratio: 0.7 }),
  row('qos1-single', 'QoS 1, one at a time', '-m pair -P 50 -w 1 -q 1', { of: 'ceiling', ratio: 0.85 }),
  row('qos2', 'QoS 2, 50 pairs', '-m pair -P 50 -w 20 -q 2', { of: 'mosquitto', ratio: 12 }),
  row('durable', 'QoS 1 to durable sessions', '-m pair -P 50 -w 20 -q 1 -v 5 --clean 0', { of: 'mosquitto', ratio: 2 }),
];

function row(name: string, title: string, load: string, target: Target): Row {
  return { name, title, load, target, hasCeiling: target.of === 'ceiling' };
}
