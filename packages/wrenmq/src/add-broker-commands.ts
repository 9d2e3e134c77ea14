import { type Command, Option } from 'commander';

/** `wrenmq start` */
export function addStart(program: Command): void {
  withConfigOptions(program.command('start'))
    .description('run the broker')
    .option('--dev', 'in memory and for this machine only: nothing is kept, everything local may connect')
    .option('--insecure-allow-anonymous', 'let everyone in who reaches a listener, also beyond this machine')
    .option('--print-ready', 'print one line of JSON on standard output when everything is bound')
    .addHelpText('after', '\nSignals: SIGTERM and SIGINT stop in good order (a second one at once), SIGHUP reads the configuration again.')
    .action(async (options) => (await import('./start.ts')).start(options));
}

/** `wrenmq config` */
export function addConfig(program: Command): void {
  const config = program.command('config').description('look at the configuration without starting anything');
  withConfigOptions(config.command('check [file]'))
    .description('say everything that is wrong with it, or nothing')
    .action(async (file, options) => (await import('./config-commands.ts')).checkConfig(file, options));
  withConfigOptions(config.command('show [file]'))
    .description('print what results from all layers, without secrets')
    .option('--json', 'as JSON instead of YAML')
    .action(async (file, options) => (await import('./config-commands.ts')).showConfig(file, options));
  withConfigOptions(config.command('explain <key>'))
    .description('tell of one key (listeners.tcp.bind) what it does, its value and where it comes from')
    .option('--json', 'as JSON')
    .action(async (key, options) => (await import('./config-commands.ts')).explainConfig(key, options));
  config
    .command('schema')
    .description('print the JSON Schema of the file, for editors')
    .action(async () => (await import('./config-commands.ts')).printSchema());
}

/** `wrenmq passwd` */
export function addPasswd(program: Command): void {
  program
    .command('passwd <file> <user> [password]')
    .description('add or change a user in a password file, as mosquitto_passwd does; asks for the password')
    .option('-c, --create', 'begin a new file; what was in it is lost')
    .option('-D, --delete', 'take the user out')
    .option('-b, --batch', 'take the password from the command line, where others on this machine may see it')
    .option('--stdin', 'take the password from the first line of standard input')
    .option('--scram', 'keep a SCRAM-SHA-256 credential too, for enhanced authentication')
    .action(async (file, user, password, options) => (await import('./passwd.ts')).passwd(file, user, password, options));
}

/** `wrenmq setup` */
export function addSetup(program: Command): void {
  withConfigOptions(program.command('setup'))
    .description('make a first user, print the credential once, and write a configuration file if there is none')
    .option('--user <name>', 'name of the user', 'wren')
    .option('--bind <address>', 'let clients in from there, such as 0.0.0.0:1883; default: this machine only')
    .action(async (options) => (await import('./setup.ts')).setup(options));
}

function withConfigOptions(command: Command): Command {
  const collect = (value: string, before: readonly string[]) => [...before, value];
  return command
    .option('--config <file>', 'the configuration file (YAML)')
    .option('--data <directory>', 'where the broker keeps its data')
    .addOption(
      new Option('--set <key=value>', 'one value, such as listeners.tcp.bind=127.0.0.1:0; repeatable')
        .argParser(collect)
        .default([], 'none'),
    );
}
