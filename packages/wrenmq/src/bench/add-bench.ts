import { type Command, Option } from 'commander';
import { addConnectionFlags, collect } from '#connection/connection-flags.ts';
import { describeCommand, type Example } from '#describe-command.ts';
import type { Scenario } from './topology.ts';

interface Description {
  readonly name: Scenario;
  readonly summary: string;
  readonly examples: readonly Example[];
}

const SCENARIOS: readonly Description[] = [
  {
    name: 'pub',
    summary: 'publishers only: how soon messages are acknowledged',
    examples: [['wrenmq bench pub -n 100 -q 1 --rate 5000 --duration 30', 'a hundred publishers, 50 messages a second each']],
  },
  {
    name: 'sub',
    summary: 'subscribers only: what comes, from wherever',
    examples: [['wrenmq bench sub -n 10 --duration 60', 'what `wrenmq bench pub` sends from another process of this machine']],
  },
  {
    name: 'pubsub',
    summary: 'as many publishers as subscribers, in pairs',
    examples: [
      ['wrenmq bench pubsub -n 50 --rate 20000 --ramp 5 --duration 30', 'open loop: latency from the intended time'],
      ['wrenmq bench pubsub -n 50 --rate 0 --window 100', 'closed loop: as fast as it goes'],
      ['wrenmq bench pubsub -n 200 --rate 100000 --workers 3', 'from three threads, each with its share of the clients'],
      [
        'wrenmq bench pubsub -q 1 --broker-metrics http://127.0.0.1:18083 --hlog run.hlog',
        'with what the broker used; histograms in a file',
      ],
    ],
  },
  {
    name: 'fanout',
    summary: 'one publisher, every client gets everything',
    examples: [['wrenmq bench fanout -n 1000 --rate 100', '100,000 deliveries a second']],
  },
  {
    name: 'fanin',
    summary: 'many publishers, one subscriber to all',
    examples: [['wrenmq bench fanin -n 1000 --rate 10000 -q 1 --durable', 'to a session that outlives its connection']],
  },
  {
    name: 'rr',
    summary: 'requests and answers: the whole way there and back',
    examples: [['wrenmq bench rr -n 20 --rate 2000', 'twenty requesters, one that answers']],
  },
  {
    name: 'conn',
    summary: 'connections: how soon CONNECT is answered',
    examples: [
      ['wrenmq bench conn -n 1000 --rate 200', 'a thousand, 200 a second'],
      ['wrenmq bench conn -n 100 --rate 200 --count 5000', 'each new one takes the place of the oldest'],
      ['wrenmq bench conn -n 5000 --durable --reconnect-storm', 'then all are cut, and come back at once'],
    ],
  },
];

const REMARKS = `
Exit codes: 0 measured, 1 connections failed or were lost, 2 wrong usage, 3 unreachable, 4 refused, 6 INVALID (the generator itself was the
bottleneck) or a --fail-if that came true. docs/bench-command.md says how to read the result.`;

/** `wrenmq bench` and its scenarios. */
export function addBench(program: Command): void {
  const bench = describeCommand(
    program.command('bench'),
    'put a load on a broker, and measure it',
    SCENARIOS.map(({ examples }) => examples[0]),
  );
  for (const { name, summary, examples } of SCENARIOS) {
    const command = describeCommand(bench.command(name), summary, examples)
      .addHelpText('after', REMARKS)
      .action(async (options) => (await import('./bench.ts')).bench(name, options));
    if (name === 'conn') addConnectFlags(command);
    else addMessageFlags(command);
    command
      .option('--fail-if <condition>', "such as 'p99>20ms', 'lost>0' or 'received/s<900': ends with 6; repeatable", collect)
      .option('--workers <n>', 'threads that share the clients among them, or auto: one less than there are cores; default: 1')
      .option('--broker-metrics <url>', "the broker's /metrics, which is asked before and after: CPU, messages, drops, memory")
      .option('--hlog <file>', 'write histograms there, an interval a second, as HdrHistogram has its logs')
      .option('--out <file>', 'write the result there too, as JSON: for wrenmq bench compare')
      .addOption(new Option('--json', 'one JSON object'))
      .option('--no-progress', 'no progress bar on a terminal');
    addConnectionFlags(command);
  }
  describeCommand(bench.command('compare <before> <after>'), 'compare two results that --out has written', [
    ['wrenmq bench compare before.json after.json', 'what has changed, and whether it could be chance'],
  ])
    .option('--json', 'one JSON object')
    .action(async (before, after, flags) => (await import('./compare-results.ts')).compareFiles(before, after, flags));
}

function addConnectFlags(command: Command): void {
  command
    .option('-n, --clients <n>', 'connections at a time; default: 100')
    .option('--rate <per second>', 'new connections; default: 500; 0: as fast as --window at a time allow')
    .option('--ramp <seconds>', 'let the rate grow so long; default: 0')
    .option('--count <n>', 'connections in all; default: as many as clients')
    .option('--window <n>', 'attempts under way at a time; default: 100 with --rate 0, else no limit')
    .option('--durable', 'with sessions that outlive their connections')
    .option('--reconnect-storm', 'when all are connected, cut all at once: how long until all are served again');
}

function addMessageFlags(command: Command): void {
  command
    .option('-n, --clients <n>', 'default: 10')
    .option('-t, --topic <prefix>', 'the topics are <prefix>/0, <prefix>/1, ...')
    .option('--topics <n>', 'how many; default: what the scenario needs')
    .option('--rate <per second>', 'messages in all; default: 1000; 0: closed loop, as fast as --window allows')
    .option('--ramp <seconds>', 'let the rate grow so long, unmeasured; default: 0')
    .option('--warmup <seconds>', 'then run so long unmeasured; default: 1; 0 with --count')
    .option('--duration <seconds>', 'measure so long; default: 10; also 500ms, 60s, 5m, 1h, here and elsewhere')
    .option('--count <n>', 'messages in all')
    .option('--window <n>', 'messages of a client on their way; default: 100 in a closed loop, else as many as the broker allows')
    .option('-s, --size <bytes>', 'of a payload; default: 64')
    .option('-q, --qos <qos>', 'default: 0')
    .option('--share <group>', 'shared subscriptions of this group')
    .option('--durable', 'subscribers with sessions that outlive their connections; they are ended afterwards')
    .option('--connect-rate <per second>', 'new connections before the load; default: 500; 0: unlimited')
    .option('--poisson', 'messages at random moments, not evenly')
    .option('--seed <n>', 'with --poisson: the same moments again')
    .option('--csv <file>', 'write the figures of every second there')
    .option('--drain <seconds>', 'wait so long for what is still on its way when nothing comes; default: 3');
}
