import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hashPassword, loadConfig, makeScramCredential, readPasswordFile, setUser } from '@wrenmq/broker/administration';
import { stringify } from 'yaml';
import { CommandError } from './exit-code.ts';
import { type ConfigOptions, configSources, orUsageError } from './config-sources.ts';

interface SetupOptions extends ConfigOptions {
  readonly user: string;
  readonly bind?: string;
}

const DEFAULT_FILE = 'wrenmq.yaml';
/** 120 bits: nobody guesses it, and it can still be copied by hand. */
const PASSWORD_BYTES = 15;

/** `wrenmq setup`: makes a user who can log in, shows the password once, and writes a configuration file if there is none. */
export async function setup(options: SetupOptions): Promise<void> {
  const file = options.config ?? DEFAULT_FILE;
  const hasFile = existsSync(file);
  const settings = options.bind === undefined ? {} : { listeners: { tcp: { bind: options.bind } } };
  const { config: _named, ...others } = options;
  const sources = configSources(hasFile ? { ...others, config: file } : others, hasFile ? {} : settings);
  // Without users a listener beyond loopback would be refused: they are what is made here.
  const { config } = orUsageError(() => loadConfig({ ...sources, hasOtherAuthentication: true }));
  const { passwordFile } = config.authentication;
  const existing = await readPasswordFile(passwordFile);
  if (existing?.users.has(options.user) === true) {
    throw new CommandError(
      `${passwordFile} has a user ${options.user} already; a new password: wrenmq passwd ${passwordFile} ${options.user}`,
    );
  }
  const password = randomBytes(PASSWORD_BYTES).toString('base64url');
  await mkdir(dirname(passwordFile), { recursive: true, mode: 0o700 });
  await setUser(passwordFile, options.user, { hash: await hashPassword(password), scram: await makeScramCredential(password) });
  if (!hasFile) await writeFile(file, configFile(config.dataDirectory, settings), { flag: 'wx', mode: 0o644 });
  console.log(`user:      ${options.user}\npassword:  ${password}`);
  console.error(
    [
      `\nThe password is not shown again; its hash is in ${passwordFile}.`,
      hasFile ? `${file} was left as it is.` : `The configuration is in ${file}.`,
      ...(hasFile && options.bind !== undefined
        ? [`Set listeners.tcp.bind: '${options.bind}' there to let clients in from beyond this machine.`]
        : []),
      `Start the broker:  wrenmq start --config ${file}`,
    ].join('\n'),
  );
}

function configFile(dataDirectory: string, settings: object): string {
  const head = '# WrenMQ. Every key: docs/configuration.md, or `wrenmq config explain KEY`.\n';
  return head + stringify({ dataDirectory, ...settings });
}
