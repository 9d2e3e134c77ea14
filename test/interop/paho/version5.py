"""MQTT 5."""

import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from example import HOST, PATIENCE, Peer, run, say


def properties(port, *_):
    """MQTT 5 with properties, subscription options and reason codes."""
    done = threading.Event()

    def on_connect(client, userdata, flags, reasonCode, properties):
        say(event="connect", reason=reasonCode.getName(), session=flags["session present"])
        client.subscribe("five/test", options=SubscribeOptions(qos=2, noLocal=False, retainAsPublished=True))

    def on_subscribe(client, userdata, mid, reasonCodes, properties):
        say(event="subscribe", reasons=[code.getName() for code in reasonCodes])
        properties = Properties(PacketTypes.PUBLISH)
        properties.MessageExpiryInterval = 30
        properties.ContentType = "text/plain"
        properties.ResponseTopic = "five/answer"
        properties.CorrelationData = b"7"
        properties.UserProperty = [("k", "1"), ("k", "2")]
        client.publish("five/test", "x", qos=2, retain=True, properties=properties)

    def on_message(client, userdata, msg):
        p = msg.properties
        say(event="message", retain=msg.retain, expiry=p.MessageExpiryInterval, type=p.ContentType, user=p.UserProperty)
        done.set()

    client = mqtt.Client(client_id="five", protocol=mqtt.MQTTv5)
    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_message = on_message
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 60
    client.connect(HOST, port, clean_start=True, properties=properties)
    client.loop_start()
    assert done.wait(PATIENCE)
    client.disconnect()
    client.loop_stop()


def subscription_options(port, *_):
    """No Local, Retain As Published, and the three kinds of Retain Handling. What must not come would be among what comes next."""
    peer = Peer(port, "options")
    other = Peer(port, "other")
    other.publish("options/kept", "kept", qos=1, retain=True)
    for handling in (0, 1, 2):
        options = SubscribeOptions(qos=1, noLocal=True, retainAsPublished=True, retainHandling=handling)
        peer.client.unsubscribe("options/#")
        for subscribed in ("first", "again"):
            peer.subscribe("options/#", options=options)
            peer.publish("options/own", "own", qos=1)
            other.publish("options/end", "end", qos=1, retain=True)
            other.publish("options/end", None, qos=1, retain=True)
            found = []
            # What is retained comes at its own pace, before or after what is published just now: who waits for it waits for both.
            is_retained_due = handling == 0 or (handling == 1 and subscribed == "first")
            while "cleared" not in found or ("kept" not in found and is_retained_due):
                msg = peer.next()
                found.append(msg.payload.decode() or "cleared")
                assert msg.retain
            say(event=subscribed, handling=handling, messages=sorted(found))
    peer.leave()
    other.leave()


def user_properties(port, *_):
    """User properties of CONNECT and PUBLISH, with a long keep alive; their order is kept, also of equal names."""
    connect = Properties(PacketTypes.CONNECT)
    connect.UserProperty = [("region", "A"), ("type", "JSON")]
    peer = Peer(port, "getGame", connect={"keepalive": 600, "properties": connect}).subscribe("user/test", 1)
    mine = Properties(PacketTypes.PUBLISH)
    mine.UserProperty = [("type", "JSON"), ("region", "A"), ("type", "")]
    peer.publish("user/test", "x", qos=1, properties=mine)
    say(event="message", user=peer.next().properties.UserProperty)
    peer.leave()


def shared(port, *_):
    """Members of a shared subscription without a client id of their own, and a publisher to the topic without $share."""
    members = [Peer(port).subscribe("$share/g/shared/topic", 1) for _ in range(2)]
    publisher = Peer(port, "publish")
    for i in range(10):
        publisher.publish("shared/topic", str(i), qos=1)
    taken = [member.take(5) for member in members]
    topics = {message.topic for messages in taken for message in messages}
    say(event="shared", payloads=sorted(int(m.payload) for messages in taken for m in messages), topics=list(topics))
    say(event="assigned", differ=len({member.properties.AssignedClientIdentifier for member in members}) == 2)
    for peer in (*members, publisher):
        peer.leave()


def request_response(port, *_):
    server = Peer(port, "server").subscribe("ask/+", 1)
    client = Peer(port, "client").subscribe("answer/client", 1)
    question = Properties(PacketTypes.PUBLISH)
    question.ResponseTopic = "answer/client"
    question.CorrelationData = b"\x00\x01"
    client.publish("ask/time", "?", qos=1, properties=question)
    asked = server.next()
    answer = Properties(PacketTypes.PUBLISH)
    answer.CorrelationData = asked.properties.CorrelationData
    server.publish(asked.properties.ResponseTopic, "now", qos=1, properties=answer)
    found = client.next()
    say(event="answer", payload=found.payload.decode(), correlation=found.properties.CorrelationData.hex())
    server.leave()
    client.leave()


def maximum_packet_size(port, *_):
    """A client that takes small packets only is not sent the others."""
    small = Properties(PacketTypes.CONNECT)
    small.MaximumPacketSize = 200
    peer = Peer(port, "small", connect={"properties": small}).subscribe("size/test", 1)
    other = Peer(port, "large")
    other.publish("size/test", "x" * 1000, qos=1)
    other.publish("size/test", "small", qos=1)
    say(event="message", payload=peer.next().payload.decode())
    peer.leave()
    other.leave()


def subscription_identifiers(port, *_):
    peer = Peer(port, "identifiers")
    for identifier, topic in ((1, "id/+"), (200000, "id/test")):
        mine = Properties(PacketTypes.SUBSCRIBE)
        mine.SubscriptionIdentifier = identifier
        mine.UserProperty = ("Subscription Identifier", "1")
        peer.subscribe(topic, options=SubscribeOptions(qos=1), properties=mine)
    peer.publish("id/test", "x", qos=1)
    # A message for both subscriptions comes once with both identifiers, or once for each.
    found = []
    while len(found) < 2:
        found += peer.next().properties.SubscriptionIdentifier
    say(event="identifiers", found=sorted(found))
    peer.leave()


if __name__ == "__main__":
    run(
        properties,
        subscription_options,
        user_properties,
        shared,
        request_response,
        maximum_packet_size,
        subscription_identifiers,
    )
