#!/usr/bin/env python3
"""Five groups on one partition, each with a rhythm of its own. Not a check by itself: the tests of real processes start it.

five_groups.py BOOTSTRAP TOPIC: writes a backlog to the topic, and then PRODUCED records a second until its stdin ends. Meanwhile
  steady    commits the end of what is there
  lagging   commits LAGGED records more a second
  stalled   commits the same offset again and again
  stopped   commits a few times, and then leaves
  draining  begins at offset 0 and commits DRAINED records more a second
Each is a consumer that has joined its group. What they commit follows from the clock and not from what they could read, so that a busy
machine changes no rate. Prints `ready` when all are at work."""
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

BACKLOG = 100_000
PRODUCED = 500
LAGGED = 200
DRAINED = 2_000
COMMIT_EVERY_S = 0.4
STOPS_AFTER_S = 4
VALUE = b"x" * 50

stop = threading.Event()
written = 0


def produce(bootstrap, topic, began):
    """Keeps what is written at BACKLOG and PRODUCED a second, by the clock."""
    global written
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "queue.buffering.max.messages": 200_000, "log_level": 0})
    sent = 0
    while not stop.is_set():
        goal = BACKLOG + (int((time.monotonic() - began[0]) * PRODUCED) if began else 0)
        for _ in range(goal - sent):
            producer.produce(topic, VALUE, partition=0)
        sent = max(sent, goal)
        producer.flush(10)
        written = sent
        stop.wait(0.02)


def consume(bootstrap, topic, name, offset_at, at_work, lives_for=None):
    """Joins a group and commits what `offset_at` says, seconds after it began, until it stops."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": name, "enable.auto.commit": False, "log_level": 0,
                         "auto.offset.reset": "latest", "session.timeout.ms": 6_000, "fetch.queue.backoff.ms": 1000})
    joined = threading.Event()
    consumer.subscribe([topic], on_assign=lambda *_: joined.set())
    while not joined.is_set() and not stop.is_set():
        consumer.poll(0.1)
    consumer.pause(consumer.assignment())
    began = time.monotonic()
    while not stop.is_set() and (lives_for is None or time.monotonic() - began < lives_for):
        consumer.poll(0)
        try:
            consumer.commit(offsets=[TopicPartition(topic, 0, offset_at(time.monotonic() - began))], asynchronous=False)
            at_work.set()
        except KafkaException as fault:
            print(f"{name}: {fault}", file=sys.stderr, flush=True)
        stop.wait(COMMIT_EVERY_S)
    consumer.close()


def main():
    bootstrap, topic = sys.argv[1:]
    began = []
    threads = [threading.Thread(target=produce, args=(bootstrap, topic, began))]
    threads[0].start()
    while written < BACKLOG:
        time.sleep(0.01)
    began.append(time.monotonic())
    rhythms = {
        "steady": (lambda _: written, None),
        "lagging": (lambda s: BACKLOG + int(s * LAGGED), None),
        "stalled": (lambda _: BACKLOG - 7, None),
        "stopped": (lambda _: BACKLOG, STOPS_AFTER_S),
        "draining": (lambda s: min(written, int(s * DRAINED)), None),
    }
    ready = []
    for name, (offset_at, lives_for) in rhythms.items():
        at_work = threading.Event()
        ready.append(at_work)
        threads.append(threading.Thread(target=consume, args=(bootstrap, topic, name, offset_at, at_work, lives_for)))
        threads[-1].start()
    for at_work in ready:
        at_work.wait()
    print("ready", flush=True)
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()


main()
