const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
const DAY_MS = 86_400_000;

/** A moment, as finely as the clock tells it. */
export interface Moment {
  readonly date: Date;
  /** Of the current second. */
  readonly nanoseconds: number;
}

/** The time of day, to the microsecond. */
export function now(): Moment {
  const ms = performance.timeOrigin + performance.now();
  const seconds = Math.floor(ms / 1000);
  return { date: new Date(ms), nanoseconds: Math.min(999_999_999, Math.round((ms - seconds * 1000) * 1000) * 1000) };
}

/** What strftime(3) makes of one conversion in the C locale, in local time; null for one that it does not know. */
export function strftime(conversion: string, date: Date): string | null {
  return CONVERSIONS[conversion]?.(date) ?? null;
}

const CONVERSIONS: Readonly<Record<string, (date: Date) => string>> = {
  a: (date) => DAYS[date.getDay()].slice(0, 3),
  A: (date) => DAYS[date.getDay()],
  b: (date) => MONTHS[date.getMonth()].slice(0, 3),
  B: (date) => MONTHS[date.getMonth()],
  c: (date) => join(date, 'a', ' ', 'b', ' ', 'e', ' ', 'T', ' ', 'Y'),
  C: (date) => pad(Math.floor(date.getFullYear() / 100)),
  d: (date) => pad(date.getDate()),
  D: (date) => join(date, 'm', '/', 'd', '/', 'y'),
  e: (date) => pad(date.getDate(), 2, ' '),
  F: (date) => join(date, 'Y', '-', 'm', '-', 'd'),
  g: (date) => pad(isoWeek(date).year % 100),
  G: (date) => String(isoWeek(date).year),
  h: (date) => MONTHS[date.getMonth()].slice(0, 3),
  H: (date) => pad(date.getHours()),
  I: (date) => pad(hour12(date)),
  j: (date) => pad(dayOfYear(date) + 1, 3),
  k: (date) => pad(date.getHours(), 2, ' '),
  l: (date) => pad(hour12(date), 2, ' '),
  m: (date) => pad(date.getMonth() + 1),
  M: (date) => pad(date.getMinutes()),
  n: () => '\n',
  p: (date) => (date.getHours() < 12 ? 'AM' : 'PM'),
  P: (date) => (date.getHours() < 12 ? 'am' : 'pm'),
  r: (date) => join(date, 'I', ':', 'M', ':', 'S', ' ', 'p'),
  R: (date) => join(date, 'H', ':', 'M'),
  s: (date) => String(Math.floor(date.getTime() / 1000)),
  S: (date) => pad(date.getSeconds()),
  t: () => '\t',
  T: (date) => join(date, 'H', ':', 'M', ':', 'S'),
  u: (date) => String(date.getDay() || 7),
  U: (date) => pad(Math.floor((dayOfYear(date) + 7 - date.getDay()) / 7)),
  V: (date) => pad(isoWeek(date).week),
  w: (date) => String(date.getDay()),
  W: (date) => pad(Math.floor((dayOfYear(date) + 7 - ((date.getDay() + 6) % 7)) / 7)),
  x: (date) => join(date, 'D'),
  X: (date) => join(date, 'T'),
  y: (date) => pad(date.getFullYear() % 100),
  Y: (date) => String(date.getFullYear()),
  z: zone,
  Z: zoneName,
  '%': () => '%',
};

/** Conversions, and in between what stands between them. */
function join(date: Date, ...parts: readonly string[]): string {
  return parts.map((part) => CONVERSIONS[part]?.(date) ?? part).join('');
}

function pad(value: number, width = 2, filler = '0'): string {
  return String(value).padStart(width, filler);
}

function hour12(date: Date): number {
  return date.getHours() % 12 || 12;
}

/** From 0. In UTC, because days of local time may be shorter or longer. */
function dayOfYear(date: Date): number {
  return (Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - Date.UTC(date.getFullYear(), 0, 1)) / DAY_MS;
}

/** The week of ISO 8601: the one that holds the year's first Thursday is the first. */
function isoWeek(date: Date): { readonly year: number; readonly week: number } {
  const thursday = new Date(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate() + 4 - (date.getDay() || 7)));
  const year = thursday.getUTCFullYear();
  return { year, week: Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / DAY_MS / 7) + 1 };
}

function zone(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}${pad(size % 60)}`;
}

function zoneName(date: Date): string {
  const name = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(date).find(({ type }) => type === 'timeZoneName');
  return name?.value ?? '';
}
