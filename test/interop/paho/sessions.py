"""What is kept for who is away, and what is retained."""

from functools import partial

import paho.mqtt.client as mqtt
import paho.mqtt.publish as publish
import paho.mqtt.subscribe as subscribe
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from example import HOST, Peer, run, say


def session(port, *_):
    """A persistent session gets what another client sent while nobody was there, without running a loop of its own."""
    first = mqtt.Client(client_id="getGame", protocol=mqtt.MQTTv311, transport="tcp", clean_session=False)
    first.on_subscribe = lambda client, *_: client.disconnect()
    first.on_connect = lambda client, *_: client.subscribe("clean_session_false", qos=1)
    first.connect(HOST, port)
    first.loop_forever()

    sender = mqtt.Client(client_id="setGame", protocol=mqtt.MQTTv311, transport="tcp")
    acknowledged = []

    def on_publish(client, _userdata, mid):
        acknowledged.append(mid)
        if len(acknowledged) == 3:
            client.disconnect()

    sender.on_publish = on_publish
    sender.connect(HOST, port)
    for _ in range(3):
        sender.publish("clean_session_false", "kept", qos=1)
    sender.loop_forever()

    received = []

    def on_message(client, userdata, msg):
        received.append(msg.payload.decode())
        if len(received) == 3:
            client.disconnect()

    second = mqtt.Client(client_id="getGame", protocol=mqtt.MQTTv311, transport="tcp", clean_session=False)
    second.on_connect = lambda client, userdata, flags, rc: say(event="connect", session=flags["session present"])
    second.on_message = on_message
    second.connect(HOST, port)
    second.loop_forever()
    say(event="messages", messages=received)


def helpers(port, *_):
    """The functions that connect, do one thing and disconnect; retained messages and wills."""
    publish.single("helpers/one", "1", qos=1, retain=True, hostname=HOST, port=port)
    messages = [{"topic": "helpers/two", "payload": "2", "qos": 2, "retain": True}, ("helpers/three", "3", 0, True)]
    publish.multiple(messages, hostname=HOST, port=port, will={"topic": "helpers/will", "payload": "never"})
    found = subscribe.simple("helpers/+", qos=2, msg_count=3, retained=True, hostname=HOST, port=port)
    say(event="messages", messages=sorted([m.topic, m.payload.decode(), m.qos, m.retain] for m in found))


def simple_offline(port, *_):
    """subscribe.simple with a session: what is published between two calls comes at the second."""
    mine = {"hostname": HOST, "port": port, "client_id": "youid", "clean_session": False, "qos": 1}
    publish.single("topics/topic1", "first", hostname=HOST, port=port, qos=1, retain=True)
    first = subscribe.simple("topics/topic1", **mine)
    for payload in ("second", "third"):
        publish.single("topics/topic1", payload, hostname=HOST, port=port, qos=1)
    others = subscribe.simple("topics/topic1", retained=False, msg_count=2, **mine)
    say(event="messages", messages=[m.payload.decode() for m in (first, *others)])


def retained(port, *_):
    """connect_async, a subscription in on_connect with an argument of its own, every kind of payload, and the end of a retained message."""
    payloads = ["text", b"\x00\xff", 42, 2.5, None]
    publisher = Peer(port, "retains", mqtt.MQTTv311)
    for i, payload in enumerate(payloads):
        publisher.publish("retain/%d" % i, payload, qos=1, retain=True)

    def on_connect(client, userdata, flags, rc, topic):
        client.subscribe(topic, 1)

    def on_message(client, userdata, msg):
        received.append([msg.topic, msg.payload.hex(), msg.retain])
        if len(received) == 4:
            client.disconnect()

    received = []
    client = mqtt.Client(client_id="receive")
    client.on_connect = partial(on_connect, topic="retain/#")
    client.on_message = on_message
    client.connect_async(HOST, port)
    client.loop_forever(retry_first_connection=True)
    for i in range(4):
        publisher.publish("retain/%d" % i, None, qos=1, retain=True)
    publisher.publish("retain/last", "last", qos=1, retain=True)
    late = Peer(port, "late", mqtt.MQTTv311).subscribe("retain/#", 1)
    say(event="retained", messages=sorted(received), left=late.next().topic)
    late.leave()
    publisher.leave()


def session_expiry(port, *_):
    """MQTT 5: a session that outlives its connection by the interval that it asked for, and one that does not."""
    for seconds in (60, 0):
        asked = Properties(PacketTypes.CONNECT)
        asked.SessionExpiryInterval = seconds
        first = Peer(port, "expiry", connect={"clean_start": True, "properties": asked}).subscribe("expiry/test", 1)
        first.leave()
        publish.single("expiry/test", "while away", hostname=HOST, port=port, qos=1)
        second = Peer(port, "expiry", connect={"clean_start": False, "properties": asked})
        second.subscribe("expiry/test", 1)
        second.publish("expiry/test", "now", qos=1)
        messages = [second.next().payload.decode()]
        if seconds > 0:
            messages.append(second.next().payload.decode())
        say(event="session", present=second.flags["session present"], messages=messages)
        second.leave()


if __name__ == "__main__":
    run(session, helpers, simple_offline, retained, session_expiry)
