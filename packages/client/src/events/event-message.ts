/** An event as it travels, with mqttxx's keys. */
export interface EventMessage<T = unknown> {
  readonly type: 'event';
  /** What happened: `temperature.changed`. */
  readonly event_type: string;
  readonly data: T;
  /** Seconds since 1970, with fractions. */
  readonly timestamp: number;
  /** Who says so; '' when nobody does. */
  readonly source: string;
}

export interface EventOptions {
  /** Default ''. */
  readonly source?: string;
  /** Seconds since 1970. Default: now. */
  readonly timestamp?: number;
}

/**
 * An event for `EventChannel.publish`, with the time of now unless told otherwise.
 *
 *     const changed = event('temperature.changed', { value: 25.5 }, { source: 'sensor_001' });
 *     await eventChannel(client).publish('sensors/room1/temperature', changed);
 */
export function event<T>(eventType: string, data: T, { source = '', timestamp = Date.now() / 1000 }: EventOptions = {}): EventMessage<T> {
  return { type: 'event', event_type: eventType, data, timestamp, source };
}
