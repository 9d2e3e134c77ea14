"""Delayed publish with paho: `<port>`. Prints what comes, in the order in which it comes, with how long it took at least."""

import json
import queue
import sys
import time

import paho.mqtt.client as mqtt

received = queue.Queue()
client = mqtt.Client(client_id="python", protocol=mqtt.MQTTv5)
client.on_message = lambda _client, _userdata, message: received.put((time.monotonic(), message))
client.connect("127.0.0.1", int(sys.argv[1]))
client.loop_start()
client.subscribe("python/#", 2)
started = time.monotonic()
for qos in (0, 1, 2):
    topic = f"$delayed/{2 - qos}/python/{qos}"
    info = client.publish(topic, f"QoS {qos}", qos)
    info.wait_for_publish(20)
client.publish("python/now", "now").wait_for_publish(20)
for _ in range(4):
    at, message = received.get(timeout=20)
    print(json.dumps([message.topic, message.qos, message.payload.decode(), int(at - started + 0.01)]), flush=True)
client.disconnect()
client.loop_stop()
