"""What all examples share."""

import json
import queue
import sys
import threading

import paho.mqtt.client as mqtt

HOST = "localhost"
PATIENCE = 20


def say(**fields):
    print(json.dumps(fields), flush=True)


class Peer:
    """A client with its network loop in a thread, and callbacks that can be waited for."""

    def __init__(self, port, client_id="", protocol=mqtt.MQTTv5, will=None, connect=None, **options):
        self.messages = queue.Queue()
        self.flags = None
        self.properties = None
        self._connected = threading.Event()
        self._subscribed = threading.Event()
        self.client = mqtt.Client(client_id=client_id, protocol=protocol, **options)
        if will is not None:
            self.client.will_set(*will)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = lambda _client, _userdata, message: self.messages.put(message)
        self.client.connect(HOST, port, **(connect or {}))
        self.client.loop_start()
        assert self._connected.wait(PATIENCE)

    def _on_connect(self, _client, _userdata, flags, reason, properties=None):
        assert reason == 0, reason
        self.flags = flags
        self.properties = properties
        self._connected.set()

    def subscribe(self, *args, **options):
        self._subscribed.clear()
        self.client.subscribe(*args, **options)
        assert self._subscribed.wait(PATIENCE)
        return self

    def publish(self, *args, **options):
        self.client.publish(*args, **options).wait_for_publish(PATIENCE)

    def next(self):
        return self.messages.get(timeout=PATIENCE)

    def take(self, count):
        return [self.next() for _ in range(count)]

    def leave(self, **options):
        self.client.disconnect(**options)
        self.client.loop_stop()


def run(*examples):
    """Runs the one that is named: `<file> <example> <port> [ca file [certificate file, key file]]`."""
    named = {each.__name__: each for each in examples}
    named[sys.argv[1]](int(sys.argv[2]), *sys.argv[3:])
