import { printPretty } from './exact-json.ts';
import { mosquittoObject, mosquittoPayload, parsePayload } from './message-json.ts';
import type { Printable } from './printable.ts';
import { type Moment, now, strftime } from './strftime.ts';

/** Where a formatted message goes. */
export interface Sink {
  put(part: string | Uint8Array): void;
}

export type Formatter = (message: Printable, sink: Sink) => void;

/** What stands between % and the letter. */
interface Field {
  readonly isLeft: boolean;
  readonly filler: string;
  readonly width: number;
  readonly precision: number | undefined;
}

type Piece = (message: Printable, moment: () => Moment, sink: Sink) => void;

export interface FormatOptions {
  readonly isPretty: boolean;
  /** What a payload that is no JSON makes of %J. */
  readonly onNotJson: (topic: string) => void;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\',
  '0': '\0',
  a: '\x07',
  e: '\x1b',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
const SEQUENCE = /%(?<left>-?)(?<zero>0?)(?<width>\d*)(?:\.(?<precision>\d*))?(?<letter>.|$)|@(?<time>.|$)|\\(?<escape>.|$)|[^%@\\]+/gsu;

/** Compiles a format of mosquitto_sub's -F. Throws an Error that says what is wrong with it. */
export function compileFormat(format: string, options: FormatOptions): Formatter {
  const pieces = [...format.matchAll(SEQUENCE)].map((match) => compilePiece(match, options));
  return (message, sink) => {
    let moment: Moment | undefined;
    const clock = (): Moment => (moment ??= now());
    for (const piece of pieces) piece(message, clock, sink);
  };
}

function compilePiece(match: RegExpMatchArray, options: FormatOptions): Piece {
  const { left, zero, width, precision, letter, time, escape } = match.groups!;
  if (letter !== undefined) {
    const field: Field = {
      isLeft: left === '-',
      filler: zero === '0' ? '0' : ' ',
      width: Number(width),
      precision: precision === undefined ? undefined : Number(precision),
    };
    return compileParameter(letter, field, options);
  }
  if (time !== undefined) return compileTime(time);
  if (escape === undefined) return text(match[0]);
  if (ESCAPES[escape] === undefined) throw new Error(escape === '' ? 'it ends in the middle of \\' : `\\${escape} is no escape`);
  return text(ESCAPES[escape]);
}

function text(value: string): Piece {
  return (_message, _moment, sink) => sink.put(value);
}

function compileTime(letter: string): Piece {
  if (letter === '') throw new Error('it ends in the middle of @');
  if (letter === '@') return text('@');
  if (letter === 'N') return (_message, moment, sink) => sink.put(String(moment().nanoseconds).padStart(9, '0'));
  if (strftime(letter, new Date(0)) === null) throw new Error(`@${letter} is nothing that strftime knows`);
  return (_message, moment, sink) => sink.put(strftime(letter, moment().date)!);
}

function compileParameter(letter: string, field: Field, options: FormatOptions): Piece {
  const integer = INTEGERS[letter];
  if (integer !== undefined) return (message, _moment, sink) => sink.put(formatInteger(integer(message), field));
  const string = STRINGS[letter];
  if (string !== undefined) return (message, _moment, sink) => sink.put(formatText(string(message), field));
  switch (letter) {
    case '%':
      return text('%');
    case 'D':
      return ({ correlationData }, _moment, sink) => correlationData !== undefined && sink.put(correlationData);
    case 'I':
      return (_message, moment, sink) => sink.put(formatText(iso8601(moment()), field));
    case 'P':
      return ({ userProperties }, _moment, sink) => sink.put(userProperties.map(([name, value]) => `${name}:${value}`).join(' '));
    case 'R':
      return ({ responseTopic }, _moment, sink) => responseTopic !== undefined && sink.put(formatText(responseTopic, field));
    // mosquitto_sub pads neither of them.
    case 'q':
      return ({ qos }, _moment, sink) => sink.put(String(qos));
    case 'r':
      return ({ retain }, _moment, sink) => sink.put(retain ? '1' : '0');
    case 'U':
      return (_message, moment, sink) => sink.put(unixTime(moment()));
    case 'p':
      return ({ payload }, _moment, sink) => putPayload(payload, field, sink);
    case 'x':
    case 'X':
      return ({ payload }, _moment, sink) => sink.put(formatHex(payload, letter === 'X', field));
    case 'j':
    case 'J':
      return compileJson(letter, options);
    case '':
      throw new Error('it ends in the middle of %');
    default:
      throw new Error(`%${letter} is no parameter`);
  }
}

const INTEGERS: Readonly<Record<string, (message: Printable) => number | undefined>> = {
  // The client resolves aliases: none is left to print.
  A: () => undefined,
  E: ({ expiry }) => expiry,
  F: ({ payloadFormatIndicator }) => payloadFormatIndicator,
  l: ({ payload, payloadBytes }) => payloadBytes ?? payload.length,
  m: ({ packetId }) => packetId,
  S: ({ subscriptionIdentifier }) => subscriptionIdentifier,
};

const STRINGS: Readonly<Record<string, (message: Printable) => string>> = {
  C: ({ contentType }) => contentType ?? '',
  t: ({ topic }) => topic,
};

function compileJson(letter: 'j' | 'J', { isPretty, onNotJson }: FormatOptions): Piece {
  const print = isPretty ? (value: object) => printPretty(value) : (value: object) => JSON.stringify(value);
  return (message, moment, sink) => {
    const payload = letter === 'j' ? mosquittoPayload(message) : parsePayload(message);
    if (payload === undefined) onNotJson(message.topic);
    else sink.put(print(mosquittoObject(message, moment(), payload)));
  };
}

function formatInteger(value: number | undefined, { isLeft, filler, width }: Field): string {
  if (value === undefined) return filler.repeat(width);
  return isLeft ? String(value).padEnd(width) : String(value).padStart(width, filler);
}

/** As printf does with %s: widths count bytes. */
function formatText(value: string, { isLeft, width, precision }: Field): string {
  if (width === 0 && precision === undefined) return value;
  const cut = precision === undefined ? value : Buffer.from(value).subarray(0, precision).toString('utf8');
  const blanks = ' '.repeat(Math.max(0, width - Buffer.byteLength(cut)));
  return isLeft ? cut + blanks : blanks + cut;
}

/** The width is also the most that is printed. */
function putPayload(payload: Uint8Array, { isLeft, filler, width }: Field, sink: Sink): void {
  const missing = Math.max(0, width - payload.length);
  if (missing > 0 && !isLeft) sink.put(filler.repeat(missing));
  sink.put(width > 0 && payload.length > width ? payload.subarray(0, width) : payload);
  if (missing > 0 && isLeft) sink.put(' '.repeat(missing));
}

function formatHex(payload: Uint8Array, isUpper: boolean, { isLeft, filler, width }: Field): string {
  const shown = width > 0 ? payload.subarray(0, Math.floor(width / 2)) : payload;
  const hex = Buffer.from(shown.buffer, shown.byteOffset, shown.byteLength).toString('hex');
  const digits = isUpper ? hex.toUpperCase() : hex;
  return isLeft ? digits.padEnd(width) : digits.padStart(width, filler);
}

function iso8601({ date }: Moment): string {
  return `${strftime('F', date)}T${strftime('T', date)}${strftime('z', date)}`;
}

function unixTime({ date, nanoseconds }: Moment): string {
  return `${strftime('s', date)}.${String(nanoseconds).padStart(9, '0')}`;
}
