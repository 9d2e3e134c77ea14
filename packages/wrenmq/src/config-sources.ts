import { resolve } from 'node:path';
import { ConfigError, type ConfigSources } from '@wrenmq/broker/administration';
import { CommandError, ExitCode } from './exit-code.ts';

/** The options of every command that reads the configuration, as commander delivers them. */
export interface ConfigOptions {
  readonly config?: string;
  readonly data?: string;
  readonly set: readonly string[];
}

/** What `wrenmq pub` and its like read from the environment is not the broker's. */
const CLIENT_VARIABLES = ['WRENMQ_URL', 'WRENMQ_USERNAME', 'WRENMQ_PASSWORD', 'WRENMQ_CONTEXT'];

/** The layers that these options ask for; `overrides` are further values from options of one command. */
export function configSources(options: ConfigOptions, overrides: object = {}): ConfigSources {
  const directory = options.data === undefined ? {} : { dataDirectory: resolve(options.data) };
  return {
    ...(options.config === undefined ? {} : { file: options.config }),
    env: process.env,
    ignoredVariables: CLIENT_VARIABLES,
    set: options.set,
    overrides: { ...directory, ...overrides },
  };
}

/** Lets a wrong configuration end the command with everything that is wrong. */
export function orUsageError<T>(use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw error instanceof ConfigError ? new CommandError(error.format(), ExitCode.Usage) : error;
  }
}
