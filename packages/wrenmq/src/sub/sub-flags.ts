import type { SubscribeOptions } from '@wrenmq/client';
import type { Connection } from '#connection/connect-options.ts';
import type { ConnectionFlags } from '#connection/connection-flags.ts';
import { readNumber, readQoS } from '#connection/read-value.ts';
import { CommandError, ExitCode } from '#exit-code.ts';
import type { PrintFlags } from '#message/print-flags.ts';

/** What commander makes of the flags of `wrenmq sub`. */
export interface SubFlags extends ConnectionFlags, PrintFlags {
  readonly topic?: readonly string[];
  readonly unsubscribe?: readonly string[];
  readonly qos?: string;
  readonly count?: string;
  readonly timeout?: string;
  readonly exitAfterSubscribe?: true;
  readonly filterOut?: readonly string[];
  /** False: -R. */
  readonly retained?: boolean;
  readonly retainedOnly?: true;
  readonly removeRetained?: true;
  readonly retainAsPublished?: true;
  readonly retainHandling?: string;
  /** False: --no-local. */
  readonly local?: boolean;
  readonly share?: string;
  readonly randomFilter?: string;
  readonly watch?: true;
  readonly messageRate?: true;
  readonly dump?: string;
}

/** The topic filters to subscribe to; none when the command is only to unsubscribe. */
export function readFilters(flags: SubFlags, { topic }: Connection): readonly string[] {
  const filters = [...(topic === undefined ? [] : [topic]), ...(flags.topic ?? [])];
  if (filters.length === 0 && flags.unsubscribe === undefined)
    throw new CommandError('wrenmq: say what to subscribe to: -t', ExitCode.Usage);
  return filters;
}

export function subscribeOptions(flags: SubFlags): SubscribeOptions {
  const retainHandling = readNumber('--retain-handling', flags.retainHandling, { min: 0, max: 2 }) as 0 | 1 | 2 | undefined;
  return {
    qos: readQoS('--qos', flags.qos) ?? 0,
    noLocal: flags.local === false,
    retainAsPublished: flags.retainAsPublished === true,
    ...(retainHandling === undefined ? {} : { retainHandling }),
    ...(flags.share === undefined ? {} : { share: flags.share }),
  };
}
