"""A client that is watched, written with paho: `<port> <client id> <protocol 4|5>`. Connects, subscribes, unsubscribes, disconnects."""

import sys

import paho.mqtt.client as mqtt

port, client_id, protocol = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])


def on_connect(client, _userdata, _flags, reason, _properties=None):
    assert reason == 0, reason
    client.subscribe("a/#", 1)


def on_subscribe(client, *_):
    client.unsubscribe("a/#")


def on_unsubscribe(client, *_):
    client.disconnect()


client = mqtt.Client(client_id=client_id, protocol=protocol)
client.username_pw_set("watched")
client.on_connect, client.on_subscribe, client.on_unsubscribe = on_connect, on_subscribe, on_unsubscribe
client.connect("127.0.0.1", port, keepalive=45)
client.loop_forever()
