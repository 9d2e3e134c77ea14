import { type ConnackPacket, PacketType, type ProtocolVersion, reasonName } from '@wrenmq/codec';
import type { ConnectionFlags } from '#connection/connection-flags.ts';
import { connectOptions } from '#connection/connect-options.ts';
import { readNumber } from '#connection/read-value.ts';
import { CommandError, ExitCode } from '#exit-code.ts';
import { type WireBroker, wireBroker } from '#wire/wire-broker.ts';
import { WireSession } from '#wire/wire-session.ts';
import type { Check, Finding } from './check.ts';
import { hex, ProbeRoom } from './probe-room.ts';
import { type ProbeReport, renderProbe } from './render-probe.ts';
import { groups, runChecks } from './run-checks.ts';
import { versionName } from './version-name.ts';

interface ProbeFlags extends ConnectionFlags {
  readonly json?: true;
  readonly only?: string;
  readonly timeout?: string;
  readonly maxPayload?: string;
}

const TIMEOUT_DEFAULT_S = 5;
const PAYLOAD_MAX_DEFAULT = 1_048_576;

/** `wrenmq probe`: asks a broker what it can do, and prints the answers. */
export async function probe(flags: ProbeFlags): Promise<void> {
  const timeoutMs = (readNumber('--timeout', flags.timeout, { min: 0.1, max: 600, fraction: true }) ?? TIMEOUT_DEFAULT_S) * 1000;
  const payloadMax = readNumber('--max-payload', flags.maxPayload, { min: 1, max: 268_000_000 }) ?? PAYLOAD_MAX_DEFAULT;
  const checks = chosenChecks(flags.only);
  const broker = await wireBroker(await connectOptions(flags), timeoutMs);
  const versions = await acceptedVersions(broker);
  const version = versionToSpeak(broker, versions);
  await using room = new ProbeRoom(broker, version, payloadMax);
  const findings = await runChecks(room, checks);
  const report: ProbeReport = { url: broker.target.url.href, versions, version, findings };
  console.log(flags.json === true ? JSON.stringify(jsonOf(report)) : renderProbe(report, process.stdout.isTTY));
}

function chosenChecks(only: string | undefined): Check[] {
  const all = groups.flatMap(({ checks }) => checks);
  if (only === undefined) return all;
  return only.split(',').map((key) => {
    const check = all.find((each) => each.key === key);
    if (check === undefined)
      throw new CommandError(`wrenmq: --only ${key}: one of ${all.map((each) => each.key).join(', ')}`, ExitCode.Usage);
    return check;
  });
}

/** How the broker answers a CONNECT of each version. */
async function acceptedVersions(broker: WireBroker): Promise<Map<ProtocolVersion, Finding>> {
  const room = new ProbeRoom(broker, 4, 0);
  const versions = new Map<ProtocolVersion, Finding>();
  for (const version of [3, 4, 5] as const) versions.set(version, await tryVersion(broker, version, room));
  return versions;
}

async function tryVersion(broker: WireBroker, version: ProtocolVersion, room: ProbeRoom): Promise<Finding> {
  // Who cannot be reached at all is no matter of versions.
  using session = await WireSession.open(broker.target, version).catch((error: Error) => {
    throw new CommandError(
      `wrenmq: ${broker.target.url.host || broker.target.url.pathname} cannot be reached: ${error.message}`,
      ExitCode.Unreachable,
    );
  });
  try {
    return judge(await session.connect(room.connectPacket({ version })), version);
  } catch (error) {
    const oldCode = version === 5 ? await refusalInOldForm(broker, room) : null;
    return { value: false, note: oldCode === null ? (error as Error).message : `CONNACK ${hex(oldCode)} of MQTT 3.1.1` };
  } finally {
    if (!session.isClosed) session.send({ type: PacketType.DISCONNECT, reasonCode: 0 });
  }
}

/** A broker that has never heard of MQTT 5 answers as it can; null when it does not. */
async function refusalInOldForm(broker: WireBroker, room: ProbeRoom): Promise<number | null> {
  using session = await WireSession.open(broker.target, 4);
  session.send(room.connectPacket({ version: 5 }));
  const connack = await session.expect(PacketType.CONNACK).catch(() => null);
  return connack?.reasonCode ?? null;
}

function judge(connack: ConnackPacket | null, version: ProtocolVersion): Finding {
  if (connack === null) return { value: false, note: 'closed without a word' };
  if (connack.reasonCode === 0) return { value: true };
  return { value: false, note: `CONNACK ${hex(connack.reasonCode)}${version === 5 ? ` ${reasonName(connack.reasonCode)}` : ''}` };
}

function versionToSpeak({ version, target }: WireBroker, versions: ReadonlyMap<ProtocolVersion, Finding>): ProtocolVersion {
  const best = version === undefined ? ([5, 4, 3] as const) : [version];
  const found = best.find((each) => versions.get(each)?.value === true);
  if (found !== undefined) return found;
  const reasons = best.map((each) => `MQTT ${versionName(each)}: ${versions.get(each)?.note ?? 'refused'}`);
  throw new CommandError(`wrenmq: ${target.url.host} refuses the connection (${reasons.join('; ')})`, ExitCode.Refused);
}

function jsonOf({ url, versions, version, findings }: ProbeReport): object {
  return {
    schema: 'wrenmq.probe/1',
    url,
    versions: Object.fromEntries([...versions].map(([each, finding]) => [versionName(each), finding])),
    version: versionName(version),
    checks: Object.fromEntries(findings),
  };
}
