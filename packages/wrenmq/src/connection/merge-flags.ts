import type { ConnectionFlags } from './connection-flags.ts';

/** Flags that together say one thing: one of them from a higher layer puts all of the lower layers aside. */
const GROUPS: readonly (readonly (keyof ConnectionFlags)[])[] = [
  ['pw', 'passwordFile', 'passwordEnv', 'passwordStdin'],
  ['id', 'idPrefix'],
  ['psk', 'pskFile'],
];
/** Of these, a port alone changes only the port. */
const ADDRESS: readonly (keyof ConnectionFlags)[] = ['url', 'host', 'unix'];

/** Flag > environment > context. */
export function mergeFlags(flags: ConnectionFlags, environment: NodeJS.ProcessEnv, context: ConnectionFlags): ConnectionFlags {
  return over(flags, over(flagsOfEnvironment(environment), context));
}

function flagsOfEnvironment(environment: NodeJS.ProcessEnv): ConnectionFlags {
  const { WRENMQ_URL: url, WRENMQ_USERNAME: username, WRENMQ_PASSWORD: password } = environment;
  return {
    ...(url === undefined ? {} : { url }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { pw: password }),
  };
}

function over(high: ConnectionFlags, low: ConnectionFlags): ConnectionFlags {
  const isSet = (name: keyof ConnectionFlags) => high[name] !== undefined;
  const hidden = new Set(GROUPS.filter((group) => group.some(isSet)).flat());
  if (ADDRESS.some(isSet)) for (const name of [...ADDRESS, 'port', 'ws'] as const) hidden.add(name);
  const kept = Object.entries(low).filter(([name]) => !hidden.has(name as keyof ConnectionFlags));
  const given = Object.entries(high).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(kept), ...Object.fromEntries(given) };
}
