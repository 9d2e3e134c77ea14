"""Ways to connect, and to lose a connection."""

import json
import os
import select
import ssl
import threading

import paho.mqtt.client as mqtt

from example import HOST, PATIENCE, Peer, run, say


def callbacks(port, *_):
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


def tls_unverified(port, *_):
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    client = mqtt.Client(client_id="python_ssl_client")
    client.tls_set_context(context)
    round_trip(client, port)


def tls_verified(port, ca, *_):
    client = mqtt.Client(client_id="python_ca_client")
    client.tls_set(ca_certs=ca)
    round_trip(client, port)


def tls_insecure(port, ca, *_):
    client = mqtt.Client(client_id="python_insecure_client")
    client.tls_set(ca_certs=ca)
    client.tls_insecure_set(True)
    round_trip(client, port)


def tls_certificate(port, ca, certificate, key):
    client = mqtt.Client(client_id="python_certificate_client")
    client.tls_set(ca_certs=ca, certfile=certificate, keyfile=key)
    round_trip(client, port)


def websockets(port, *_):
    round_trip(mqtt.Client(client_id="python_ws_client", transport="websockets"), port)


def websockets_tls(port, ca, *_):
    client = mqtt.Client(client_id="python_wss_client", transport="websockets")
    client.tls_set(ca_certs=ca)
    round_trip(client, port)


def external_loop(port, *_):
    """The client in somebody else's event loop: socket, loop_read, loop_write, loop_misc and want_write."""
    received = []
    client = mqtt.Client(client_id="external_loop")
    client.on_connect = lambda *_: client.subscribe("external/#", qos=2)
    client.on_subscribe = lambda *_: [client.publish("external/%d" % i, str(i), qos=i) for i in range(3)]
    client.on_message = lambda _client, _userdata, msg: received.append(msg.payload.decode())
    client.connect(HOST, port)
    while len(received) < 3:
        sock = client.socket()
        readable, writable, _ = select.select([sock], [sock] if client.want_write() else [], [], 1)
        if readable:
            client.loop_read()
        if writable:
            client.loop_write()
        assert client.loop_misc() == mqtt.MQTT_ERR_SUCCESS
    client.disconnect()
    say(event="messages", messages=sorted(received))


def same_client_id(port, *_):
    """A second client of the same id puts the first out, which comes back by itself and puts out the second."""
    codes = []
    back = threading.Event()

    def on_connect(client, userdata, flags, rc):
        if codes:
            back.set()

    first = mqtt.Client(client_id="the_same")
    first.reconnect_delay_set(1, 1)
    first.on_connect = on_connect
    first.on_disconnect = lambda client, userdata, rc: codes.append(rc)
    first.connect(HOST, port)
    first.loop_start()
    second = Peer(port, "the_same", mqtt.MQTTv311)
    assert back.wait(PATIENCE)
    second.client.loop_stop()
    first.disconnect()
    first.loop_stop()
    say(event="back", was_unexpected=codes[0] != 0)


def will_of_who_leaves(port, *_):
    Peer(port, "leaves", mqtt.MQTTv311, will=("will/test", "遗嘱消息 of who leaves", 1), connect={"keepalive": 5}).leave()
    say(event="left")


def will_of_who_is_killed(port, *_):
    Peer(port, "is_killed", mqtt.MQTTv311, will=("will/test", "遗嘱消息 of who is killed", 1), connect={"keepalive": 5})
    say(event="killed")
    os._exit(0)


def will_of_who_is_silent(port, *_):
    """Keep Alive is over when the client never calls its loop again."""
    client = mqtt.Client(client_id="is_silent")
    client.will_set("will/test", "遗嘱消息 of who is silent", 1)
    client.connect(HOST, port, keepalive=1)
    sock = client.socket()
    sock.setblocking(True)
    # Nothing is read but the end that the broker makes.
    while sock.recv(1024):
        pass
    say(event="closed")


if __name__ == "__main__":
    run(
        callbacks,
        tls_unverified,
        tls_verified,
        tls_insecure,
        tls_certificate,
        websockets,
        websockets_tls,
        external_loop,
        same_client_id,
        will_of_who_leaves,
        will_of_who_is_killed,
        will_of_who_is_silent,
    )
