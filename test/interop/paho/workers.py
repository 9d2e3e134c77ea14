"""Clients beside threads, executors and a database."""

import asyncio
import json
import queue
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import paho.mqtt.client as mqtt

from example import HOST, PATIENCE, Peer, run, say


def executor(port, *_):
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


def threads(port, *_):
    """Messages go through a queue to worker threads, which publish what they made of them."""
    work = queue.Queue()
    peer = Peer(port, "worker_client", mqtt.MQTTv311).subscribe([("worker/+/task", 1), ("worker/+/done", 1)])

    def on_task(_client, _userdata, msg):
        work.put(msg)

    def worker():
        while True:
            msg = work.get()
            if msg is None:
                return
            peer.client.publish(msg.topic.replace("task", "done"), msg.payload, qos=1)

    peer.client.message_callback_add("worker/+/task", on_task)
    workers = [threading.Thread(target=worker) for _ in range(5)]
    for each in workers:
        each.start()
    for i in range(20):
        peer.client.publish("worker/%d/task" % i, str(i), qos=1)
    done = peer.take(20)
    for _ in workers:
        work.put(None)
    for each in workers:
        each.join()
    peer.leave()
    say(event="done", payloads=sorted(int(m.payload) for m in done))


def pipeline(port, *_):
    """Several subscriptions with their own QoS; what comes is kept in a database, and answered from within the callback."""
    database = sqlite3.connect(":memory:", check_same_thread=False)
    database.execute("CREATE TABLE messages (topic TEXT, payload TEXT, qos INTEGER)")
    finished = threading.Event()

    def on_connect(client, userdata, flags, rc):
        for topic, qos in [("sensors/+/temperature", 1), ("sensors/+/humidity", 1), ("events/+", 2), ("logs/+", 0)]:
            client.subscribe(topic, qos)

    def on_subscribe(client, userdata, mid, granted_qos):
        if granted_qos[0] == 0:
            client.publish("sensors/a/temperature", json.dumps({"value": 35}), qos=1)
            client.publish("sensors/a/humidity", json.dumps({"value": 50}), qos=1)
            client.publish("events/door", json.dumps({"open": True}), qos=2)

    def on_message(client, userdata, msg):
        payload = msg.payload.decode()
        database.execute("INSERT INTO messages VALUES (?, ?, ?)", (msg.topic, payload, msg.qos))
        if msg.topic == "events/door":
            client.publish("logs/events", payload, qos=1)
        if database.execute("SELECT count(*) FROM messages").fetchone()[0] == 4:
            finished.set()

    client = mqtt.Client(client_id="data_pipeline")
    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_message = on_message
    client.connect(HOST, port, 60)
    client.loop_start()
    assert finished.wait(PATIENCE)
    client.disconnect()
    client.loop_stop()
    say(event="kept", rows=database.execute("SELECT topic, qos FROM messages ORDER BY topic").fetchall())


if __name__ == "__main__":
    run(executor, threads, pipeline)
