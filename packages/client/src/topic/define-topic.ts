import { MqttError } from '#base/mqtt-error.ts';
import type { SchemaIssue, SchemaInput, SchemaOutput, SchemaResult, StandardSchema } from '#base/standard-schema.ts';
import type { PayloadCodec } from './payload-codec.ts';
import { json } from './payload-codecs.ts';
import { TopicPattern } from './topic-pattern.ts';
import type { ConcreteTopic, Topic, TopicParams } from './topic.ts';

export interface TopicOptions<Schema> {
  /** Checks what is published and what arrives. Any library that implements Standard Schema; default: everything passes. */
  readonly schema?: Schema;
  /** Default `json`. */
  readonly codec?: PayloadCodec;
  /** Of what is published to it. Default 0. */
  readonly qos?: 0 | 1 | 2;
  /** Of what is published to it. Default false. */
  readonly retain?: boolean;
}

/**
 * A typed topic. `{name}` stands for one level, `{name...}` at the end for the rest.
 *
 *     const temperature = defineTopic('sensors/{room}/temperature', { schema: Reading });
 *     await client.publish(temperature({ room: 'r1' }), { value: 25.5 });
 *     await client.handle(temperature, (message) => save(message.params.room, message.value));
 *
 * Throws MqttError INVALID when the pattern is no topic filter.
 */
export function defineTopic<const Pattern extends string, Schema extends StandardSchema = StandardSchema>(
  pattern: Pattern,
  options: TopicOptions<Schema> = {},
): Topic<Pattern, SchemaInput<Schema>, SchemaOutput<Schema>> {
  const { schema, codec = json, qos, retain } = options;
  const compiled = new TopicPattern(pattern);
  const encode = (value: unknown): Uint8Array | Promise<Uint8Array> => {
    const checked = check(schema, value);
    return checked instanceof Promise ? checked.then((good) => codec.encode(good)) : codec.encode(checked);
  };
  const fill = (params: TopicParams<Pattern>): ConcreteTopic<SchemaInput<Schema>> => ({
    topic: compiled.fill(params),
    codec,
    ...(qos !== undefined && { qos }),
    ...(retain !== undefined && { retain }),
    encode,
  });
  return Object.assign(fill, {
    pattern,
    filter: compiled.filter,
    codec,
    match: (topic: string) => (compiled.matches(topic) ? (compiled.params(topic) as TopicParams<Pattern>) : undefined),
    decode: (payload: Uint8Array) => check(schema, decode(codec, payload)) as SchemaOutput<Schema> | Promise<SchemaOutput<Schema>>,
  });
}

function decode(codec: PayloadCodec, payload: Uint8Array): unknown {
  try {
    return codec.decode(payload);
  } catch (cause) {
    throw new MqttError('VALIDATION', `no ${codec.contentType}: ${(cause as Error).message}`, { cause });
  }
}

/** The schema's own form of the value: defaults filled in, and so on. Throws MqttError VALIDATION, the issues being its cause. */
export function check(schema: StandardSchema | undefined, value: unknown): unknown {
  if (schema === undefined) return value;
  const result = schema['~standard'].validate(value);
  return result instanceof Promise ? result.then(accept) : accept(result);
}

/** The steps to what an issue is about: keys may be symbols, and steps objects. */
export function pathOf(path: NonNullable<SchemaIssue['path']>): string[] {
  return path.map((step) => String(typeof step === 'object' ? step.key : step));
}

function accept(result: SchemaResult<unknown>): unknown {
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(({ message, path = [] }) => {
    const place = pathOf(path).join('.');
    return place === '' ? message : `${place}: ${message}`;
  });
  throw new MqttError('VALIDATION', issues.join('; '), { cause: result.issues });
}
