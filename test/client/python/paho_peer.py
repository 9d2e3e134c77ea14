"""Another client: paho 1.6. Sends back what comes under ask/, as it came: `paho_peer.py <port> <3.1.1 or 5>`."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "interop", "paho"))

import paho.mqtt.client as mqtt  # noqa: E402
from paho.mqtt.packettypes import PacketTypes  # noqa: E402
from paho.mqtt.properties import Properties  # noqa: E402

from example import Peer, say  # noqa: E402

COPIED = ("PayloadFormatIndicator", "MessageExpiryInterval", "ContentType", "CorrelationData", "UserProperty")

port, version = int(sys.argv[1]), mqtt.MQTTv5 if sys.argv[2] == "5" else mqtt.MQTTv311
peer = Peer(port, "paho", version, will=("answer/will", "gone ©", 2, False))
peer.subscribe("ask/#", 2)
say(event="ready")
while True:
    asked = peer.messages.get()
    topic = asked.topic.replace("ask/", "answer/", 1)
    properties = None
    if version == mqtt.MQTTv5:
        properties = Properties(PacketTypes.PUBLISH)
        for name in COPIED:
            if hasattr(asked.properties, name):
                setattr(properties, name, getattr(asked.properties, name))
        topic = getattr(asked.properties, "ResponseTopic", topic)
    peer.publish(topic, asked.payload, qos=asked.qos, retain=topic.endswith("/keep"), properties=properties)
