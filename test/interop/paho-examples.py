"""What users write with paho 1.6: one function for each example, run as `paho-examples.py <example> <port> [ca file]`.

Each prints JSON, one object on a line, and waits for what it expects instead of for a time.
"""

import asyncio
import json
import ssl
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import paho.mqtt.client as mqtt
import paho.mqtt.publish as publish
import paho.mqtt.subscribe as subscribe
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

HOST = "localhost"
PATIENCE = 20


def say(**fields):
    print(json.dumps(fields), flush=True)


def callbacks(port, _ca):
    """A client with every callback, a user name that nobody knows, QoS 1 and the network loop in a thread."""
    done = threading.Event()
    received = []

    def on_connect(client, userdata, flags, rc):
        say(event="connect", rc=rc)
        client.subscribe("python/test/#")

    def on_subscribe(client, userdata, mid, granted_qos):
        say(event="subscribe", granted=list(granted_qos))
        for name in ("hello", "data", "status"):
            result = client.publish("python/test/" + name, json.dumps({"name": name}), qos=1)
            assert result.rc == mqtt.MQTT_ERR_SUCCESS

    def on_message(client, userdata, msg):
        received.append([msg.topic, msg.qos, msg.retain])
        if len(received) == 3:
            say(event="messages", messages=received)
            done.set()

    def on_disconnect(client, userdata, rc):
        say(event="disconnect", rc=rc)

    client = mqtt.Client(client_id="python_client")
    client.username_pw_set("your_username", "your_password")
    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_message = on_message
    client.on_disconnect = on_disconnect
    client.connect(HOST, port, 60)
    client.loop_start()
    assert done.wait(PATIENCE)
    client.disconnect()
    client.loop_stop()


def round_trip(client, port):
    done = threading.Event()

    def on_connect(client, userdata, flags, rc):
        say(event="connect", rc=rc)
        client.subscribe("transport/test", qos=1)

    def on_subscribe(client, userdata, mid, granted_qos):
        client.publish("transport/test", "connection test", qos=1)

    def on_message(client, userdata, msg):
        say(event="message", payload=msg.payload.decode())
        done.set()

    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_message = on_message
    client.connect(HOST, port, 60)
    client.loop_start()
    assert done.wait(PATIENCE)
    client.disconnect()
    client.loop_stop()


def tls_unverified(port, _ca):
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    client = mqtt.Client(client_id="python_ssl_client")
    client.tls_set_context(context)
    round_trip(client, port)


def tls_verified(port, ca):
    client = mqtt.Client(client_id="python_ca_client")
    client.tls_set(ca_certs=ca)
    round_trip(client, port)


def websockets(port, _ca):
    round_trip(mqtt.Client(client_id="python_ws_client", transport="websockets"), port)


def websockets_tls(port, ca):
    client = mqtt.Client(client_id="python_wss_client", transport="websockets")
    client.tls_set(ca_certs=ca)
    round_trip(client, port)


def executor(port, _ca):
    """Blocking calls in a thread pool under asyncio."""
    received = []

    async def main():
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        pool = ThreadPoolExecutor(max_workers=10)
        client = mqtt.Client(client_id="async_python_client")
        connected, subscribed = threading.Event(), threading.Event()
        client.on_connect = lambda *_: connected.set()
        client.on_subscribe = lambda *_: subscribed.set()

        def on_message(_client, _userdata, msg):
            received.append(msg.payload.decode())
            if len(received) == 3:
                loop.call_soon_threadsafe(done.set)

        client.on_message = on_message
        await loop.run_in_executor(pool, client.connect, HOST, port, 60)
        client.loop_start()
        assert await loop.run_in_executor(pool, connected.wait, PATIENCE)
        client.subscribe("async/test/#", 1)
        assert await loop.run_in_executor(pool, subscribed.wait, PATIENCE)
        for i in range(3):
            result = await loop.run_in_executor(pool, client.publish, "async/test/%d" % i, str(i), 1)
            assert result.rc == mqtt.MQTT_ERR_SUCCESS
        await asyncio.wait_for(done.wait(), PATIENCE)
        client.loop_stop()
        client.disconnect()
        pool.shutdown(wait=True)

    asyncio.run(main())
    say(event="messages", messages=received)


def session(port, _ca):
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


def helpers(port, _ca):
    """The functions that connect, do one thing and disconnect; retained messages and wills."""
    publish.single("helpers/one", "1", qos=1, retain=True, hostname=HOST, port=port)
    messages = [{"topic": "helpers/two", "payload": "2", "qos": 2, "retain": True}, ("helpers/three", "3", 0, True)]
    publish.multiple(messages, hostname=HOST, port=port, will={"topic": "helpers/will", "payload": "never"})
    found = subscribe.simple("helpers/+", qos=2, msg_count=3, retained=True, hostname=HOST, port=port)
    say(event="messages", messages=sorted([m.topic, m.payload.decode(), m.qos, m.retain] for m in found))


def version5(port, _ca):
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


EXAMPLES = {
    each.__name__: each
    for each in (callbacks, tls_unverified, tls_verified, websockets, websockets_tls, executor, session, helpers, version5)
}

if __name__ == "__main__":
    EXAMPLES[sys.argv[1]](int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
