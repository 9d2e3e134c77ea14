// The ceiling: the least work a single-threaded JavaScript relay can do for a PUBLISH.
//
//   node bench/load/ceiling.mjs 1884        (pin it to one core, mqload to another)
//
// It is no broker: it trusts its input, keeps no session, checks nothing and knows only CONNECT, SUBSCRIBE (exact topic,
// or "prefix/#"), PUBLISH QoS 0 and 1, and PUBACK, for MQTT 3.1.1. It exists to be measured beside the broker in the same
// run: the ratio broker / ceiling says what sessions, hooks, validation and storage really cost.
//
// What makes it quick, in order of effect:
//   1. one write per connection per turn of the event loop: frames are copied into the receiver's chunk and flushed by a
//      single setImmediate for all dirty connections;
//   2. one shared read buffer for all sockets (`onread`), so a read allocates nothing;
//   3. the PUBLISH frame is forwarded as the bytes that came in; only the packet identifier is patched;
//   4. topics are looked up, not parsed: one Map from topic to its receivers.
import net from 'node:net';

class Relay {
  exact = new Map(); // topic -> receivers
  prefixes = []; // [prefix, receiver]
  routes = new Map(); // topic -> receivers, resolved once
  dirty = [];
  isFlushScheduled = false;

  schedule(connection) {
    this.dirty.push(connection);
    if (this.isFlushScheduled) return;
    this.isFlushScheduled = true;
    setImmediate(this.flushAll);
  }

  flushAll = () => {
    this.isFlushScheduled = false;
    for (const connection of this.dirty) connection.flush();
    this.dirty.length = 0;
  };

  receiversOf(topic) {
    let receivers = this.routes.get(topic);
    if (receivers === undefined) {
      receivers = [...(this.exact.get(topic) ?? [])];
      for (const [prefix, receiver] of this.prefixes) if (topic.startsWith(prefix)) receivers.push(receiver);
      this.routes.set(topic, receivers);
    }
    return receivers;
  }

  subscribe(filter, connection) {
    if (filter.endsWith('/#')) this.prefixes.push([filter.slice(0, -1), connection]);
    else if (this.exact.has(filter)) this.exact.get(filter).push(connection);
    else this.exact.set(filter, [connection]);
    this.routes.clear();
  }

  forget(connection) {
    for (const [topic, receivers] of this.exact)
      this.exact.set(
        topic,
        receivers.filter((receiver) => receiver !== connection),
      );
    this.prefixes = this.prefixes.filter(([, receiver]) => receiver !== connection);
    this.routes.clear();
  }
}

class Connection {
  chunk = null;
  used = 0;
  isDirty = false;
  rest = null; // the start of a packet whose end has not arrived
  packetId = 0;

  constructor(relay, socket) {
    this.relay = relay;
    this.socket = socket;
  }

  reserve(length) {
    if (this.chunk !== null && this.used + length > this.chunk.length) this.write();
    if (this.chunk === null) this.chunk = Buffer.allocUnsafeSlow(Math.max(length, 16384));
    if (!this.isDirty) {
      this.isDirty = true;
      this.relay.schedule(this);
    }
    const at = this.used;
    this.used += length;
    return at;
  }

  write() {
    this.socket.write(this.chunk.subarray(0, this.used));
    this.chunk = null;
    this.used = 0;
  }

  flush() {
    this.isDirty = false;
    if (this.used > 0) this.write();
  }

  send(...bytes) {
    const at = this.reserve(bytes.length);
    this.chunk.set(bytes, at);
  }

  onBytes(input) {
    const bytes = this.rest === null ? input : Buffer.concat([this.rest, input]);
    this.rest = null;
    let at = 0;
    while (bytes.length - at >= 2) {
      let length = 0;
      let factor = 1;
      let body = at + 1;
      let isComplete = false;
      while (body < bytes.length) {
        const digit = bytes[body++];
        length += (digit & 127) * factor;
        factor *= 128;
        if (digit < 128) {
          isComplete = true;
          break;
        }
      }
      if (!isComplete || body + length > bytes.length) break;
      this.onPacket(bytes, at, body, body + length);
      at = body + length;
    }
    if (at < bytes.length) this.rest = Buffer.from(bytes.subarray(at));
  }

  onPacket(bytes, start, body, end) {
    switch (bytes[start] >> 4) {
      case 3: {
        this.onPublish(bytes, start, body, end);
        break;
      }
      case 1: {
        this.send(0x20, 2, 0, 0);
        break;
      }
      case 8: {
        this.relay.subscribe(bytes.latin1Slice(body + 4, body + 4 + bytes.readUInt16BE(body + 2)), this);
        this.send(0x90, 3, bytes[body], bytes[body + 1], bytes[end - 1]);
        break;
      }
    }
  }

  onPublish(bytes, start, body, end) {
    const qos = (bytes[start] >> 1) & 3;
    const topicEnd = body + 2 + bytes.readUInt16BE(body);
    if (qos === 1) this.send(0x40, 2, bytes[topicEnd], bytes[topicEnd + 1]);
    for (const receiver of this.relay.receiversOf(bytes.latin1Slice(body + 2, topicEnd))) {
      const to = receiver.reserve(end - start);
      bytes.copy(receiver.chunk, to, start, end);
      if (qos === 1) {
        receiver.packetId = (receiver.packetId % 65535) + 1;
        receiver.chunk.writeUInt16BE(receiver.packetId, to + topicEnd - start);
      }
    }
  }
}

const relay = new Relay();
const shared = Buffer.allocUnsafeSlow(65536);
net
  .createServer({ pauseOnConnect: true, noDelay: true }, (accepted) => {
    const handle = accepted._handle;
    accepted._handle = null;
    const onread = {
      buffer: shared,
      callback: (count, buffer) => {
        connection.onBytes(buffer.subarray(0, count));
        return true;
      },
    };
    const socket = new net.Socket({ handle, onread });
    const connection = new Connection(relay, socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => relay.forget(connection));
    socket.resume();
  })
  .listen(Number(process.argv[2] ?? 1884), '127.0.0.1');
