import { MqttError } from '#base/mqtt-error.ts';
import type { Delivery, SessionSettings } from '#session/session-contract.ts';
import { TestIntent, defaultSettings } from '#session/test-session.ts';
import type { StoreOp } from '#store/session-store.ts';
import { ModelBroker } from './test-broker.ts';
import { ClientProcess, NumberedMessage } from './test-process.ts';
import { Random } from './test-random.ts';

const stepsMax = 200;
const roundsMax = 2_000;
const outboundTopics = ['out/a', 'out/some/longer/topic', 'out/another/topic'];
const inboundTopics = ['in/a', 'in/b'];

/** What is owed for a message that was published. */
interface Promised {
  readonly message: NumberedMessage;
  readonly lossesBefore: number;
  /** Its process has ended. */
  isOrphan: boolean;
}

/** One random life of a client and its broker, replayable from its seed. `events` says what happened. */
export class SimulationRun {
  readonly events: string[] = [];
  repeats = 0;
  crashes = 0;
  readonly #random: Random;
  readonly #settings: SessionSettings;
  readonly #broker: ModelBroker;
  /** What is on the disk. */
  readonly #log: StoreOp[] = [];
  readonly #promised: Promised[] = [];
  /** By number: how often it was delivered, and in which process last. */
  readonly #delivered = new Map<number, { times: number; crashes: number }>();
  readonly #handledOnDisk = new Set<number>();
  readonly #refusedByUs = new Set<number>();
  readonly #firstDeliveries: { readonly number: number; readonly key: string }[] = [];
  readonly #mayFillStore: boolean;
  readonly #faultRate: number;
  readonly #crashShare: number;
  readonly #diskRate: number;
  readonly #networkRate: number;
  #process: ClientProcess;
  #toBroker: Uint8Array[] = [];
  #isOpen = false;
  /** The session has ended the connection; the driver closes the transport a little later. */
  #isRejected = false;
  #now = 1_000_000;
  #numbers = 0;
  /** The broker's session that the disk knows of. */
  #generationOnDisk = 0;
  #wasInboundRefused = false;
  /** A crash kept what came after a message that the full store had refused. */
  #mayOvertake = false;
  /** See `#noteUncertainty`. */
  #isTainted = false;

  constructor(seed: number) {
    const random = new Random(seed);
    this.#random = random;
    const version = random.pick([4, 5] as const);
    this.#settings = {
      ...defaultSettings,
      version,
      isDurable: random.chance(0.6),
      resume: random.pick(['auto', 'auto', 'auto', 'always']),
      onLost: random.pick(['republish', 'republish', 'fail', 'drop']),
      onLostExactlyOnce: random.pick(['fail', 'fail', 'republish']),
      receiveMaximum: random.pick([1, 2, 5, 65_535]),
      maxInflight: random.pick([1, 2, 4, 65_535]),
      keepAlive: random.pick([0, 10]),
    };
    this.#mayFillStore = random.chance(0.3);
    this.#faultRate = random.pick([0, 0.01, 0.03, 0.06]);
    this.#crashShare = random.pick([0.1, 0.3, 0.9]);
    this.#diskRate = random.pick([0.1, 0.3, 0.8]);
    this.#networkRate = random.pick([0.3, 0.5, 0.8]);
    this.#broker = new ModelBroker(version, random.pick([1, 2, 3, 10, 65_535]), random, version === 5 && random.chance(0.4));
    this.#process = this.#start();
  }

  /** Throws an Error when a promise was broken. */
  run(): void {
    const steps = 20 + this.#random.below(stepsMax);
    for (let step = 0; step < steps; step++) this.#step();
    this.#settle();
    this.#check();
    this.repeats = this.#broker.repeats;
  }

  #start(): ClientProcess {
    const process = new ClientProcess(
      this.#settings,
      { log: this.#log, generation: this.#generationOnDisk },
      {
        onConnected: () => this.#broker.session!.generation,
        onDelivered: (number, delivery) => this.#noteDelivery(number, delivery),
        onRejected: (error) => this.#rejected(error),
      },
    );
    process.session.subscribe([new TestIntent('in/#', { qos: 2 })]);
    return process;
  }

  #step(): void {
    this.#now += this.#random.below(200);
    if (this.#isRejected && this.#random.chance(0.3)) this.#cut();
    if (this.#random.chance(this.#faultRate)) {
      this.#fault();
      return;
    }
    // A slow disk and a fast network, or the other way round.
    if (this.#random.chance(this.#diskRate)) this.#store();
    if (this.#random.chance(this.#networkRate)) this.#exchange();
    else this.#act();
  }

  /** What was written arrives, and is answered. */
  #exchange(): void {
    if (!this.#isOpen) this.#open();
    this.#flush();
    this.#carryOut(1 + this.#random.below(60));
    for (let answers = this.#random.below(3); answers > 0; answers--) this.#broker.answer();
    this.#carryIn(1 + this.#random.below(60));
  }

  #act(): void {
    switch (this.#random.below(8)) {
      case 0:
      case 1:
        this.#publish();
        break;
      case 2:
      case 3:
        this.#broker.publish(++this.#numbers, this.#random.pick(inboundTopics), this.#random.pick([0, 1, 2, 2]));
        break;
      case 4:
        this.#flush();
        break;
      case 5:
      case 6:
        this.#acknowledge();
        break;
      default:
        this.#process.session.tick(this.#now);
        if (this.#random.chance(0.2)) this.#cancel();
    }
  }

  #fault(): void {
    if (this.#random.chance(this.#crashShare)) {
      this.events.push('crash');
      this.#crash();
    } else if (this.#random.chance(0.3)) {
      this.events.push('session lost');
      this.#cut();
      this.#broker.lose();
    } else {
      this.events.push('cut');
      this.#cut();
    }
  }

  #publish(): void {
    const message = new NumberedMessage(++this.#numbers, this.#random.pick(outboundTopics), this.#random.pick([0, 1, 1, 2, 2]));
    this.#process.messages.push(message);
    this.#promised.push({ message, lossesBefore: this.#broker.losses, isOrphan: false });
    this.#process.session.publish(message, this.#now);
  }

  #cancel(): void {
    const { messages, session } = this.#process;
    if (messages.length === 0) return;
    const message = this.#random.pick(messages);
    if (message.end === undefined && session.cancel(message)) message.isCancelled = true;
  }

  #open(): void {
    this.#isOpen = true;
    this.#toBroker = [];
    this.#broker.open();
    this.#process.session.open({}, this.#now);
  }

  #flush(): void {
    const bytes = this.#process.session.takeOutput();
    if (bytes !== undefined && this.#isOpen) this.#toBroker.push(bytes);
  }

  /** Carries some bytes to the broker, cut anywhere. */
  #carryOut(limit: number): void {
    const bytes = takeBytes(this.#toBroker, limit);
    if (bytes === undefined || !this.#isOpen) return;
    const { cleanStarts } = this.#broker;
    this.#broker.receive(bytes);
    if (this.#broker.cleanStarts > cleanStarts && this.#process.generation > 0) throw new Error('a known session was thrown away');
  }

  #carryIn(limit: number): void {
    const bytes = takeBytes(this.#broker.output, limit);
    if (bytes !== undefined && this.#isOpen) this.#process.session.receive(bytes, this.#now);
  }

  /** The oldest batch reaches the disk, or finds it full. */
  #store(): void {
    const { pending, session } = this.#process;
    const batch = pending[0];
    if (batch === undefined) return;
    const isFull = this.#mayFillStore && this.#random.chance(0.05) && batch.ops.some((op) => op.op === 'out.put' || op.op === 'in.put');
    if (isFull) {
      this.events.push('store full');
      this.#wasInboundRefused ||= batch.ops.some((op) => op.op === 'in.put');
      pending.shift();
      session.storeFailed(new MqttError('QUEUE_FULL', 'the store is full'));
    } else {
      this.#apply();
      session.stored();
    }
  }

  #apply(): void {
    const batch = this.#process.pending.shift()!;
    this.#log.push(...batch.ops);
    if (batch.generation > 0) this.#generationOnDisk = batch.generation;
    for (const number of batch.handled) this.#handledOnDisk.add(number);
  }

  #acknowledge(): void {
    const { open, session } = this.#process;
    if (open.length === 0) return;
    const [delivery] = open.splice(this.#random.below(open.length), 1);
    const isRefused = this.#random.chance(0.05);
    if (isRefused) this.#refusedByUs.add(numberOf(delivery));
    session.acknowledge(delivery, isRefused ? 0x83 : 0);
  }

  #cut(): void {
    if (!this.#isOpen) return;
    this.#isRejected = false;
    // A part of what is on its way still arrives.
    if (this.#random.chance(0.5)) this.#carryOut(this.#random.below(100));
    this.#isOpen = false;
    this.#broker.close();
    this.#process.session.closed();
    this.#noteUncertainty(this.#process.generation);
  }

  #rejected(error: MqttError): void {
    const isSilence = error.code === 'DISCONNECTED' && error.reasonCode === 0x8d;
    if (error.code !== 'QUEUE_FULL' && !isSilence) throw error;
    this.events.push('rejected');
    this.#isRejected = true;
  }

  /** The process ends without a word; of the batches on their way some reached the disk. */
  #crash(): void {
    this.crashes++;
    this.#mayOvertake ||= this.#wasInboundRefused;
    const { pending } = this.#process;
    for (let more = this.#random.below(pending.length + 1); more > 0; more--) this.#apply();
    for (const promised of this.#promised) promised.isOrphan = true;
    if (this.#isOpen) {
      if (this.#random.chance(0.5)) this.#carryOut(this.#random.below(100));
      this.#isOpen = false;
      this.#isRejected = false;
      this.#broker.close();
    }
    this.#process = this.#start();
    this.#noteUncertainty(this.#process.generation);
  }

  /**
   * A new session whose CONNACK got lost looks like the old one on the next connection: no client can tell them apart, and what QoS 2 was in
   * flight is uncertain. The same when the client crashes before it has stored that the session is new.
   */
  #noteUncertainty(generation: number): void {
    const { session } = this.#broker;
    if (generation > 0 && session !== undefined && session.generation !== generation) this.#isTainted = true;
  }

  #noteDelivery(number: number, delivery: Delivery): void {
    const known = this.#delivered.get(number);
    const { crashes } = this;
    if (known === undefined) {
      this.#delivered.set(number, { times: 1, crashes });
      this.#firstDeliveries.push({ number, key: `${delivery.topic} ${delivery.qos}` });
      return;
    }
    known.times++;
    const mayRepeat = delivery.qos === 1 || this.#refusedByUs.has(number) || this.#isTainted;
    const wasForgotten = known.crashes < crashes && !this.#handledOnDisk.has(number);
    known.crashes = crashes;
    if (!mayRepeat && !wasForgotten) throw new Error(`message ${number} was delivered twice`);
  }

  /** No more faults: everything comes to its end. */
  #settle(): void {
    this.events.push('settle');
    for (let round = 0; round < roundsMax; round++) {
      // MQTT 3.1.1 cannot refuse: what was, comes again on the next connection.
      if (this.#isRejected || round % 200 === 0) this.#cut();
      if (!this.#isOpen) this.#open();
      this.#flush();
      this.#carryOut(10_000);
      this.#broker.answer();
      this.#carryIn(10_000);
      if (this.#process.pending.length > 0) {
        this.#apply();
        this.#process.session.stored();
      }
      const { open, session } = this.#process;
      for (const delivery of open.splice(0)) session.acknowledge(delivery, 0);
      if (round > 20 && this.#isQuiet()) return;
    }
    throw new Error(`it does not come to rest: ${JSON.stringify(this.#rest())}`);
  }

  #isQuiet(): boolean {
    return Object.values(this.#rest()).every((count) => count === 0);
  }

  /** What is not done. */
  #rest(): Record<string, number> {
    const { session, pending } = this.#process;
    return {
      inflight: session.inflight,
      queued: session.queued,
      steps: pending.length,
      output: session.outputBytes,
      owed: this.#broker.session?.owed.length ?? 0,
      answers: this.#broker.answers,
    };
  }

  #check(): void {
    for (const promised of this.#promised) this.#checkPublished(promised);
    const topics = new Map(this.#promised.map(({ message }) => [message.number, message.topic]));
    for (const { number, topic } of this.#broker.accepted) {
      if (topics.get(number) !== topic) throw new Error(`message ${number} came under the topic ${topic}`);
    }
    if (this.#isTainted) return;
    if (this.#broker.session?.isSubscribed !== true) throw new Error('the subscription was forgotten');
    for (const [number, qos] of this.#broker.published) {
      if (qos > 0 && !this.#delivered.has(number) && !this.#broker.dropped.has(number))
        throw new Error(`message ${number} was not delivered`);
    }
    // A crash can bring back what was taken back a moment before.
    const cancelled = new Set(this.#promised.filter(({ message }) => message.isCancelled).map(({ message }) => message.number));
    const seen = new Set<number>();
    const firstAccepted = this.#broker.accepted.filter(({ number }) => !cancelled.has(number) && !seen.has(number) && seen.add(number));
    checkOrder(firstAccepted.map((each) => ({ number: each.number, key: `${each.topic} ${each.qos}` })));
    if (!this.#mayOvertake) checkOrder(this.#firstDeliveries);
  }

  #checkPublished(promised: Promised): void {
    const { message, lossesBefore, isOrphan } = promised;
    const { number, qos, end } = message;
    const times = this.#broker.timesAccepted.get(number) ?? 0;
    const wasLost = this.#broker.losses > lossesBefore;
    const what = `message ${number} (QoS ${qos}, ${end ?? 'no end'}, ${isOrphan ? 'orphan' : 'alive'})`;
    const { isCancelled } = message;
    if (!isOrphan && end === undefined && !isCancelled) throw new Error(`${what} never ended`);
    if (message.calls.filter((call) => !call.startsWith('stored')).length > 1) throw new Error(`${what} ended twice`);
    const mayDouble = wasLost && this.#settings.onLostExactlyOnce === 'republish';
    if (qos === 2 && times > 1 && !mayDouble && !this.#isTainted) throw new Error(`${what} arrived ${times} times`);
    if (qos === 0) return;
    if (end === 'failed QUEUE_FULL' && times > 0) throw new Error(`${what} was sent`);
    const mayBeMissing = this.#broker.refused.has(number) || isCancelled || (wasLost && this.#mayFail(message)) || this.#isTainted;
    if (end?.startsWith('failed') === true) {
      const isAllowed = end === 'failed QUEUE_FULL' || this.#broker.refused.has(number) || (wasLost && end === 'failed SESSION_LOST');
      if (!isAllowed) throw new Error(what);
      return;
    }
    const isKept = end !== undefined || (isOrphan && this.#settings.isDurable && message.isStored);
    if (isKept && times === 0 && !mayBeMissing) throw new Error(`${what} did not arrive`);
  }

  #mayFail(message: NumberedMessage): boolean {
    return message.qos === 1 ? this.#settings.onLost !== 'republish' : this.#settings.onLostExactlyOnce === 'fail';
  }
}

function checkOrder(messages: readonly { readonly number: number; readonly key: string }[]): void {
  const last = new Map<string, number>();
  for (const { number, key } of messages) {
    if ((last.get(key) ?? 0) > number) throw new Error(`message ${number} (${key}) came after ${last.get(key)}`);
    last.set(key, number);
  }
}

function numberOf(delivery: Delivery): number {
  return new DataView(delivery.payload.buffer, delivery.payload.byteOffset).getUint32(0);
}

/** Up to `limit` bytes from the front of a stream of chunks. */
function takeBytes(chunks: Uint8Array[], limit: number): Uint8Array | undefined {
  const chunk = chunks.shift();
  if (chunk === undefined) return undefined;
  if (chunk.length <= limit) return chunk;
  chunks.unshift(chunk.subarray(limit));
  return chunk.subarray(0, limit);
}
