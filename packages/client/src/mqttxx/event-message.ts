import { event, type EventMessage as EventFields } from '#events/event-message.ts';
import { JSONCodec } from './json-codec.ts';

export interface EventMessageFields {
  /** Default ''. */
  readonly eventType?: string;
  /** Default null. */
  readonly data?: unknown;
  /** Seconds since 1970. 0 and undefined: now. */
  readonly timestamp?: number;
  /** Default ''. */
  readonly source?: string;
}

/**
 * An event with a type, a time and a source.
 *
 *     const event = new EventMessage({ eventType: 'temperature.changed', data: { value: 25.5 }, source: 'sensor_001' });
 *     console.log(EventMessage.decode(event.encode()).timestamp); // seconds since 1970
 */
export class EventMessage {
  readonly type = 'event';
  readonly eventType: string;
  readonly data: unknown;
  readonly timestamp: number;
  readonly source: string;

  constructor({ eventType = '', data = null, timestamp = 0, source = '' }: EventMessageFields = {}) {
    this.eventType = eventType;
    this.data = data;
    this.timestamp = timestamp || Date.now() / 1000;
    this.source = source;
  }

  toDict(): EventFields {
    const { eventType, data, timestamp, source } = this;
    return event(eventType, data, { timestamp, source });
  }

  /** What is missing gets its default. */
  static fromDict(fields: Partial<EventFields>): EventMessage {
    const { event_type: eventType = '', data = null, timestamp = 0, source = '' } = fields;
    return new EventMessage({ eventType, data, timestamp, source });
  }

  encode(): Uint8Array {
    return JSONCodec.encode(this);
  }

  /** Throws SyntaxError for what is no JSON. */
  static decode(payload: Uint8Array): EventMessage {
    return EventMessage.fromDict(JSONCodec.decode(payload) as Partial<EventFields>);
  }
}
