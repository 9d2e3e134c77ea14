// HOT
import { Deferred, handled } from '#base/deferred.ts';
import { MqttError } from '#base/mqtt-error.ts';
import type { Surroundings } from '#base/surroundings.ts';
import { abortError, limited, limitWait, type WaitOptions } from '#base/wait-limit.ts';
import type { PublishResult } from '#message/message.ts';
import type { QueueBounds } from './session-settings.ts';
import type { Driver } from './driver.ts';
import { accepted, type FlowKeeper, type PublishFlow } from './publish-flow.ts';

/** Publishers that may wait for room; more are refused. */
const waitingMax = 65_536;
/** So much is written at once, and then whoever waits lets others have their turn. */
const turnBytesMax = 64 * 1024;

/** What goes out: bounds, waiting publishers, and every promise until it is settled. */
export class Outbound implements FlowKeeper {
  sent = 0;
  readonly #driver: Driver;
  readonly #surroundings: Surroundings;
  readonly #options: QueueBounds;
  /** For room, first come first served. */
  readonly #waiting = new Set<PublishFlow>();
  /** The last of all flows that are not settled, and how many they are. */
  #last: PublishFlow | undefined;
  #open = 0;
  /** Resolves when the transport takes more. */
  #room: Deferred<PublishResult> | undefined;

  constructor(driver: Driver, surroundings: Surroundings, options: QueueBounds) {
    this.#driver = driver;
    this.#surroundings = surroundings;
    this.#options = options;
  }

  /** Whether everything has left and is acknowledged. */
  get isEmpty(): boolean {
    return this.#open === 0 && this.#room === undefined;
  }

  send(flow: PublishFlow, wait: WaitOptions): Promise<PublishResult> {
    const error = wait.signal?.aborted === true ? abortError(wait.signal) : this.#refusal(flow);
    if (error !== undefined) {
      flow.stored?.reject(error);
      return handled(Promise.reject(error));
    }
    this.#link(flow);
    if (this.#waiting.size === 0 && this.#hasRoom(flow)) this.#hand(flow);
    else if (this.#options.whenFull === 'reject' && this.#driver.isReady) this.#refuse(flow);
    else if (this.#waiting.size >= waitingMax) this.#refuse(flow);
    else this.#waiting.add(flow);
    if (flow.isSent && flow.qos === 0) return this.#whenRoom(flow, wait);
    if (flow.isSettled) return flow.promise;
    if (wait.signal !== undefined || wait.timeout !== undefined)
      flow.stopWatch = limitWait(this.#surroundings, wait, (end) => this.#giveUp(flow, end));
    return flow.promise;
  }

  onFlowSettled(flow: PublishFlow): void {
    if (flow.isSent) this.sent += 1;
    this.#open -= 1;
    const { previous, next } = flow;
    if (previous !== undefined) previous.next = next;
    if (next !== undefined) next.previous = previous;
    else this.#last = previous;
  }

  /** A turn has ended, or the transport takes more. */
  onRoom(): void {
    for (const flow of this.#waiting) {
      if (!this.#hasRoom(flow)) break;
      this.#waiting.delete(flow);
      this.#hand(flow);
    }
    if (this.#driver.isBlocked) return;
    const room = this.#room;
    this.#room = undefined;
    room?.resolve(accepted);
  }

  /** The connection is lost, and with it what the transport had not sent. */
  onDisconnected(error: MqttError): void {
    this.#room?.reject(error);
    this.#room = undefined;
  }

  /** Settles everything. */
  end(error: MqttError): void {
    this.#waiting.clear();
    for (let flow = this.#last; flow !== undefined; flow = this.#last) flow.onFailed(error);
    this.onDisconnected(error);
  }

  #refusal(flow: PublishFlow): MqttError | undefined {
    const { session, ended } = this.#driver;
    const { offline } = this.#options;
    if (ended !== undefined) return ended;
    if (session.isConnected || offline === 'queue' || (offline === 'queue-durable' && flow.qos > 0)) return undefined;
    return new MqttError('OFFLINE', 'there is no connection', { retryable: true });
  }

  #hasRoom(flow: PublishFlow): boolean {
    const { session, isReady, unsentBytes } = this.#driver;
    const bytes = session.queuedBytes + session.outputBytes + unsentBytes;
    const { maxQueued, maxQueuedBytes } = this.#options;
    // What is larger than the bound goes alone.
    return isReady && session.queued < maxQueued && (bytes === 0 || bytes + flow.bytes <= maxQueuedBytes);
  }

  #hand(flow: PublishFlow): void {
    this.#driver.session.publish(flow, this.#driver.now());
    this.#driver.touch();
  }

  #refuse(flow: PublishFlow): void {
    flow.onFailed(new MqttError('QUEUE_FULL', 'the queue is full', { retryable: true }));
  }

  /** A QoS 0 message is in the output: whoever waits for it waits no longer than the transport does. */
  #whenRoom(flow: PublishFlow, wait: WaitOptions): Promise<PublishResult> {
    if (!this.#driver.isBlocked && this.#driver.turnBytes < turnBytesMax) return flow.promise;
    this.#room ??= new Deferred();
    const { promise } = this.#room;
    return wait.signal === undefined && wait.timeout === undefined ? promise : limited(this.#surroundings, promise, wait);
  }

  #giveUp(flow: PublishFlow, error: MqttError): void {
    if (!this.#waiting.delete(flow)) this.#driver.session.cancel(flow);
    flow.onFailed(error);
    this.#driver.touch();
  }

  #link(flow: PublishFlow): void {
    flow.previous = this.#last;
    if (this.#last !== undefined) this.#last.next = flow;
    this.#last = flow;
    this.#open += 1;
  }
}
