import type { PayloadCodec } from './payload-codec.ts';

type Level<S extends string> = S extends `{${infer Name}...}` ? Name : S extends `{${infer Name}}` ? Name : never;

/** The names in `sensors/{room}/{rest...}`: 'room' | 'rest'. */
export type ParamNames<Pattern extends string> = Pattern extends `${infer Head}/${infer Tail}`
  ? Level<Head> | ParamNames<Tail>
  : Level<Pattern>;

export type TopicParams<Pattern extends string> = string extends Pattern
  ? Record<string, string>
  : { readonly [Name in ParamNames<Pattern>]: string };

/** A typed topic: `sensors/{room}/temperature` is the filter `sensors/+/temperature`, `{rest...}` at the end is `#`. */
export interface Topic<Pattern extends string, In, Out> {
  readonly pattern: Pattern;
  readonly filter: string;
  readonly codec: PayloadCodec;
  /** The topic with its parameters filled in. Throws MqttError INVALID when a value is empty or holds `/`, `+` or `#`. */
  (params: TopicParams<Pattern>): ConcreteTopic<In>;
  /** The parameters of a topic name, undefined when it is another topic. */
  match(topic: string): TopicParams<Pattern> | undefined;
  /** Decodes and validates. Rejects with MqttError VALIDATION. */
  decode(payload: Uint8Array): Out | Promise<Out>;
  readonly '~out'?: Out;
}

export interface ConcreteTopic<In> {
  readonly topic: string;
  readonly codec: PayloadCodec;
  readonly qos?: 0 | 1 | 2;
  readonly retain?: boolean;
  /** Validates and encodes. Rejects with MqttError VALIDATION. */
  encode(value: In): Uint8Array | Promise<Uint8Array>;
  readonly '~in'?: (value: In) => void;
}
