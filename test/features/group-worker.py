"""A worker of a durable group, written with paho: `<port> <client id> <filter> crash|work <count>`.

`crash` dies in the middle of its first message, before it has acknowledged it; `work` prints as many messages as it is told to.
"""

import json
import os
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

port, client_id, topic_filter, verb, count = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])
left = count


def on_message(client, _userdata, message):
    global left
    user = getattr(message.properties, "UserProperty", [])
    print(json.dumps({"topic": message.topic, "payload": message.payload.decode(), "qos": message.qos, "user": user}), flush=True)
    if verb == "crash":
        os._exit(7)
    left -= 1
    if left == 0:
        client.disconnect()


def on_connect(client, _userdata, _flags, reason, _properties=None):
    assert reason == 0, reason
    client.subscribe(topic_filter, 2)


def on_subscribe(client, *_):
    if left == 0:
        client.disconnect()


client = mqtt.Client(client_id=client_id, protocol=mqtt.MQTTv5)
client.on_message, client.on_connect, client.on_subscribe = on_message, on_connect, on_subscribe
options = Properties(PacketTypes.CONNECT)
options.SessionExpiryInterval = 3600
# What it has not been sent yet does not count as delivered when it dies.
options.ReceiveMaximum = 1
client.connect("127.0.0.1", port, clean_start=False, properties=options)
client.loop_forever()
