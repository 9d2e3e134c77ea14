import { z } from 'zod';
import type { BindAddress, IpBind } from '#base/bind-address.ts';
import { bindPattern, ipBindPattern, parseBind } from './bind.ts';
import { bytesPattern, durationPattern, Fault, parseBytes, parseDuration, parseRate, quote, ratePattern } from './units.ts';

/** What a changed key needs to take effect: nothing, a new connection, or a restart of the broker. */
export type Effect = 'live' | 'new connections' | 'restart';

export interface KeyFacts {
  readonly effect: Effect;
  /** Never shown again, in no output and no log. */
  readonly isSecret?: boolean;
  /** A path in the file system: `~/` is the home directory, a relative one starts at the directory of the file it stands in. */
  readonly isPath?: boolean;
}

declare const unit: unique symbol;
/** A number whose key gets the unit as its last word in the Config: `connectTimeout: 10s` becomes `connectTimeoutMs: 10000`. */
export type Measured<U extends string> = number & { readonly [unit]: U };

interface LeafFacts {
  readonly suffix: string;
  readonly json: Readonly<Record<string, unknown>>;
}

const keyFacts = z.registry<KeyFacts>();
const leafFacts = z.registry<LeafFacts>();

/** A key of the configuration: its description (what, unit, bounds) and what a change of it takes. */
export function key<S extends z.ZodType>(facts: KeyFacts | Effect, about: string, schema: S): S {
  const described = schema.describe(about);
  keyFacts.add(described, typeof facts === 'string' ? { effect: facts } : facts);
  return described;
}

/** A map with fixed keys; every key has a default, so the whole has one. */
export function section<S extends z.ZodRawShape>(about: string, shape: S) {
  return z
    .strictObject(shape)
    .prefault({} as never)
    .describe(about);
}

export function factsOf(schema: z.ZodType): KeyFacts | undefined {
  return keyFacts.get(schema);
}

/** The JSON Schema of a value that has its own syntax; undefined for zod's own types. */
export function jsonOf(schema: z.ZodType): Readonly<Record<string, unknown>> | undefined {
  return leafFacts.get(schema)?.json;
}

/** The word that a key's name ends with in the Config: `Ms`, `Seconds`, `PerSecond` or nothing. */
export function suffixOf(schema: z.ZodType): string {
  return leafFacts.get(schema)?.suffix ?? '';
}

interface Range {
  readonly min: string;
  readonly max: string;
}

export function duration(range: Range) {
  return leaf<Measured<'Ms'>>((input) => inRange(parseDuration(input), parseDuration, range), 'Ms', {
    type: 'string',
    pattern: durationPattern,
  });
}

/** A duration that MQTT carries in whole seconds; `never` is its largest value, which the standard reads as "does not expire". */
export function durationInSeconds(range: Range, never?: 'never') {
  const json = { type: 'string', pattern: never === undefined ? durationPattern : `^never$|${durationPattern}` };
  return leaf<Measured<'Seconds'>>(
    (input) => {
      if (never !== undefined && input === never) return 0xffff_ffff;
      const milliseconds = inRange(parseDuration(input), parseDuration, range);
      if (milliseconds instanceof Fault) return milliseconds;
      return milliseconds % 1000 === 0 ? milliseconds / 1000 : new Fault(`${quote(input)} is not a whole number of seconds`);
    },
    'Seconds',
    json,
  );
}

/** Bytes; `unlimited`, where allowed, is Infinity. */
export function bytes(range: Range, unlimited?: 'unlimited') {
  const pattern = unlimited === undefined ? bytesPattern : `^unlimited$|${bytesPattern}`;
  return leaf<number>(
    (input) => (unlimited !== undefined && input === unlimited ? Infinity : inRange(parseBytes(input), parseBytes, range)),
    '',
    { type: ['integer', 'string'], minimum: 0, pattern },
  );
}

/** How many; `unlimited`, where allowed, is Infinity. */
export function count(min: number, max: number, unlimited?: 'unlimited') {
  const words = unlimited === undefined ? '' : ', or unlimited';
  return leaf<number>(
    (input) => {
      if (unlimited !== undefined && input === unlimited) return Infinity;
      if (typeof input === 'number' && Number.isSafeInteger(input) && input >= min && input <= max) return input;
      return new Fault(`${quote(input)} is not a whole number from ${min} to ${max}${words}`);
    },
    '',
    unlimited === undefined
      ? { type: 'integer', minimum: min, maximum: max }
      : { anyOf: [{ type: 'integer', minimum: min, maximum: max }, { const: unlimited }] },
  );
}

export function ratePerSecond() {
  return leaf<Measured<'PerSecond'>>((input) => (input === 'unlimited' ? Infinity : parseRate(input)), 'PerSecond', {
    type: 'string',
    pattern: `^unlimited$|${ratePattern}`,
  });
}

export const qos = z.union([z.literal(0), z.literal(1), z.literal(2)], { error: 'must be 0, 1 or 2' });

export function bind() {
  return leaf<BindAddress>(parseBind, '', { type: ['integer', 'string'], pattern: bindPattern });
}

/** An address with a port: no Unix socket. */
export function ipBind() {
  return leaf<IpBind>(
    (input) => {
      const value = parseBind(input);
      return 'path' in value ? new Fault('must be an address with a port, such as 127.0.0.1:18083') : value;
    },
    '',
    { type: ['integer', 'string'], pattern: ipBindPattern },
  );
}

function leaf<T>(parse: (input: unknown) => number | BindAddress | Fault, suffix: string, json: LeafFacts['json']): z.ZodType<T> {
  const schema = z.unknown().transform((input, context): T => {
    const value = parse(input);
    if (!(value instanceof Fault)) return value as T;
    context.issues.push({ code: 'custom', message: value.message, input });
    return z.NEVER;
  });
  leafFacts.add(schema, { suffix, json });
  return schema;
}

function inRange(value: number | Fault, parse: (input: unknown) => number | Fault, range: Range): number | Fault {
  if (value instanceof Fault) return value;
  if (value >= (parse(range.min) as number) && value <= (parse(range.max) as number)) return value;
  return new Fault(`must be from ${range.min} to ${range.max}`);
}

type Suffix<V> = [Extract<V, Measured<string>>] extends [never] ? '' : Extract<V, Measured<string>> extends Measured<infer U> ? U : '';

/** The parsed values under the names that the house uses: units last, everything read-only. */
export type Named<T> =
  T extends Measured<string>
    ? number
    : T extends string | number | boolean | null | undefined
      ? T
      : T extends readonly (infer E)[]
        ? readonly Named<E>[]
        : { readonly [K in keyof T as K extends string ? `${K}${Suffix<T[K]>}` : K]: Named<T[K]> };
