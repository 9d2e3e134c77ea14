"""A peer that speaks mqttxx's JSON with Python's own json, over paho and MQTT 3.1.1.

    mqttxx_peer.py serve <port>    answers on py/service until it is killed
    mqttxx_peer.py call <port>     calls js/service; prints each answer as {"method", "raw", "answer"}
    mqttxx_peer.py dumps           prints json.dumps(json.loads(line)) for each line of its input
"""

import json
import queue
import sys
import threading
import uuid

import paho.mqtt.client as mqtt

PATIENCE = 20


def connect(port, client_id, topic, on_message):
    client = mqtt.Client(client_id=client_id, protocol=mqtt.MQTTv311)
    subscribed = threading.Event()
    client.on_connect = lambda *_: client.subscribe(topic, qos=1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = on_message
    client.connect("localhost", port)
    client.loop_start()
    assert subscribed.wait(PATIENCE)
    return client


def fail(_params):
    raise ValueError()


METHODS = {
    "echo": lambda params: params,
    "add": lambda params: params["a"] + params["b"],
    "nothing": lambda _params: None,
    "not_a_number": lambda _params: [float("nan"), float("inf"), float("-inf")],
    "big": lambda _params: 2**60 + 1,
    "fail": fail,
}


def answer(client, request):
    """What mqttxx's RPCManager does."""
    response = {"type": "rpc_response", "request_id": request["request_id"]}
    if request.get("caller_id") == "intruder":
        response["error"] = "Permission denied"
    elif request["method"] not in METHODS:
        response["error"] = f"方法未找到: {request['method']}"
    else:
        try:
            response["result"] = METHODS[request["method"]](request.get("params"))
        except Exception as e:
            response["error"] = str(e)
    client.publish(request["reply_to"], json.dumps(response).encode("utf-8"), qos=1)


def serve(port):
    def on_message(client, _userdata, message):
        print(json.dumps({"raw": message.payload.decode("utf-8"), "qos": message.qos}), flush=True)
        answer(client, json.loads(message.payload.decode("utf-8")))

    connect(port, "py-service", "py/service", on_message)
    print("ready", flush=True)
    threading.Event().wait()


def call(port):
    answers = queue.Queue()
    client = connect(port, "py-caller", "py/caller", lambda _client, _userdata, message: answers.put(message.payload))
    for method, params in [
        ("echo", {"text": "方法 é 😀", "n": 2**60, "f": 1.0, "deep": [None, True, [1.5e-7]]}),
        ("nothing", None),
        ("not_a_number", None),
        ("empty_error", None),
        ("unknown", None),
        ("forbidden", None),
        ("symbol", None),
    ]:
        request = {
            "type": "rpc_request",
            "request_id": str(uuid.uuid4()),
            "method": method,
            "params": params,
            "reply_to": "py/caller",
            "caller_id": "py-caller",
        }
        client.publish("js/service", json.dumps(request).encode("utf-8"), qos=1)
        raw = answers.get(timeout=PATIENCE).decode("utf-8")
        response = json.loads(raw)
        assert response["request_id"] == request["request_id"]
        assert json.dumps(response) == raw, raw
        print(json.dumps({"method": method, "raw": raw, "answer": repr(response.get("result", response.get("error")))}), flush=True)
    client.disconnect()
    client.loop_stop()


def dumps():
    for line in sys.stdin:
        print(json.dumps(json.loads(line)))


if __name__ == "__main__":
    globals()[sys.argv[1]](*map(int, sys.argv[2:]))
