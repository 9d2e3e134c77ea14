"""paho, as explain.test.ts needs it: subscribes, publishes, and may be slow to acknowledge.

explain-client.py PORT JSON : one JSON object with what it does; it goes on until it is killed, and prints what happens, one JSON object a line.
"""

import json
import sys
import threading

from paho.mqtt import client as mqtt_client
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

port, wish = int(sys.argv[1]), json.loads(sys.argv[2])


def say(**event):
    print(json.dumps(event), flush=True)


def on_connect(client, userdata, flags, rc, properties=None):
    options = SubscribeOptions(qos=wish.get("qos", 1), noLocal=wish.get("noLocal", False))
    client.subscribe(wish["filter"], options=options)


def on_subscribe(client, userdata, mid, granted, properties=None):
    say(event="subscribe")
    for topic in wish.get("publishes", []):
        client.publish(topic, "from paho", qos=1)


def on_message(client, userdata, message):
    say(event="message", topic=message.topic)
    # The acknowledgement is sent when this returns.
    if wish.get("isStuck"):
        threading.Event().wait()


def on_publish(client, userdata, mid):
    say(event="published")


client = mqtt_client.Client(client_id=wish["clientId"], protocol=mqtt_client.MQTTv5)
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
client.on_publish = on_publish
properties = Properties(PacketTypes.CONNECT)
properties.SessionExpiryInterval = 3600
if "receiveMaximum" in wish:
    properties.ReceiveMaximum = wish["receiveMaximum"]
client.connect("127.0.0.1", port, clean_start=False, properties=properties)
client.loop_forever()
