"""paho as our users use it: connects, subscribes, and prints what comes as one JSON object a line.

paho-client.py PORT VERSION CLIENT_ID FILTER... : VERSION is 4 or 5; it goes on until it is killed.
"""

import json
import sys

from paho.mqtt import client as mqtt_client

port, version, client_id, *filters = sys.argv[1:]
versions = {"4": mqtt_client.MQTTv311, "5": mqtt_client.MQTTv5}


def say(**event):
    print(json.dumps(event), flush=True)


def on_connect(client, userdata, flags, rc, properties=None):
    say(event="connect")
    if filters:
        client.subscribe([(name, 1) for name in filters])


def on_subscribe(client, userdata, mid, granted, properties=None):
    say(event="subscribe", granted=[getattr(code, "value", code) for code in granted])


def on_message(client, userdata, message):
    say(event="message", topic=message.topic, payload=message.payload.decode(), retain=bool(message.retain))


client = mqtt_client.Client(client_id=client_id, protocol=versions[version])
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
client.connect("127.0.0.1", int(port))
client.loop_forever()
