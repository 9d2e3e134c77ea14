import { configJsonSchema, type Explanation, formatProblems, loadConfig } from '@wrenmq/broker/administration';
import { stringify } from 'yaml';
import { CommandError, ExitCode } from './exit-code.ts';
import { type ConfigOptions, configSources, orUsageError } from './config-sources.ts';

interface JsonOption {
  readonly json?: boolean;
}

export function checkConfig(file: string | undefined, options: ConfigOptions): void {
  const { warnings } = orUsageError(() => loadConfig(configSources(withFile(file, options))));
  if (warnings.length > 0) console.error(formatProblems(warnings));
  console.error(warnings.length === 0 ? 'the configuration is good' : 'the configuration can be used');
}

export function showConfig(file: string | undefined, options: ConfigOptions & JsonOption): void {
  const shown = orUsageError(() => loadConfig(configSources(withFile(file, options))).show());
  console.log(options.json === true ? JSON.stringify(shown, null, 2) : stringify(shown).trimEnd());
}

export function explainConfig(key: string, options: ConfigOptions & JsonOption): void {
  const explanation = orUsageError(() => loadConfig(configSources(options)).explain(key));
  console.log(options.json === true ? JSON.stringify(explanation, null, 2) : formatExplanation(explanation));
}

export function printSchema(): void {
  console.log(JSON.stringify(configJsonSchema(), null, 2));
}

/** The file may also be named without `--config`. */
function withFile(file: string | undefined, options: ConfigOptions): ConfigOptions {
  if (file !== undefined && options.config !== undefined)
    throw new CommandError('name the file once: as an argument or with --config', ExitCode.Usage);
  return file === undefined ? options : { ...options, config: file };
}

function formatExplanation(explanation: Explanation): string {
  const { file, line, column, source } = explanation.origin;
  const place = file === undefined ? (source ?? explanation.layer) : [file, line, column].filter((part) => part !== undefined).join(':');
  const change = { live: 'a reload', 'new connections': 'a reload, for new connections', restart: 'a restart' };
  return [
    `${explanation.path}: ${explanation.description}`,
    `  value        ${written(explanation.value)}`,
    `  set by       ${place}`,
    `  default      ${explanation.default === undefined ? '(none)' : written(explanation.default)}`,
    `  environment  ${explanation.variable}`,
    ...(explanation.effect === null ? [] : [`  a change     takes ${change[explanation.effect]}`]),
  ].join('\n');
}

function written(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
