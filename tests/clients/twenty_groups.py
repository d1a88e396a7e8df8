#!/usr/bin/env python3
"""Twenty groups, each with a rhythm of its own. Not a check by itself: the tests of real processes start it.

twenty_groups.py BOOTSTRAP: writes a backlog to `rhythms` and then PRODUCED records a second until its stdin ends. The topics exist:
  rhythms    one partition, written all the time          quiet   one partition, QUIET records and no more
  lonely     two partitions, 0 on a broker that dies      compacted  one partition, compacted, of one key
Prints `ready` when all groups do what they are named for: each has committed where it commits, and fallen silent or left where it does that. What they commit follows from the clock and not from
what they could read, so that a busy machine changes no rate. The name of a group is the class it is to have, and why."""
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

BACKLOG = 100_000
PRODUCED = 500
DRAINED = 1_300
QUIET = 1_000
COMMIT_EVERY_S = 0.4
SLOW_S = 3.0
VALUE = b"x" * 50

stop = threading.Event()
written = 0


def produce(bootstrap, began):
    """Keeps what is written at BACKLOG and PRODUCED a second, by the clock."""
    global written
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "queue.buffering.max.messages": 200_000, "log_level": 0})
    sent = 0
    while not stop.is_set():
        goal = BACKLOG + (int((time.monotonic() - began[0]) * PRODUCED) if began else 0)
        for _ in range(goal - sent):
            producer.produce("rhythms", VALUE, partition=0)
        sent = max(sent, goal)
        producer.flush(10)
        written = sent
        stop.wait(0.02)


def prepare(bootstrap):
    """What is written once."""
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
    for _ in range(QUIET):
        producer.produce("quiet", VALUE, partition=0)
    for _ in range(100):
        producer.produce("compacted", VALUE, key=b"one", partition=0)
    producer.produce("lonely", VALUE, partition=0)
    producer.flush(30)


class Group(threading.Thread):
    """A consumer that joins its group and commits what `offsets_at` says, seconds after it began, until it stops."""

    def __init__(self, bootstrap, name, topics, offsets_at, every_s=COMMIT_EVERY_S, lives_for=None, commits_for=None, **config):
        super().__init__()
        self.settings = {"bootstrap.servers": bootstrap, "group.id": name, "enable.auto.commit": False, "log_level": 0,
                         "auto.offset.reset": "latest", "fetch.queue.backoff.ms": 1000, **config}
        if config.get("group.protocol") != "consumer":
            self.settings["session.timeout.ms"] = 6_000
        self.label, self.topics, self.offsets_at = name, topics, offsets_at
        self.every_s, self.lives_for, self.commits_for = every_s, lives_for, commits_for
        self.at_work = threading.Event()

    def run(self):
        consumer = Consumer(self.settings)
        joined = threading.Event()
        consumer.subscribe(self.topics, on_assign=lambda *_: joined.set())
        while not joined.is_set() and not stop.is_set():
            consumer.poll(0.1)
        consumer.pause(consumer.assignment())
        began = time.monotonic()
        while not stop.is_set() and (self.lives_for is None or time.monotonic() - began < self.lives_for):
            consumer.poll(0)
            elapsed = time.monotonic() - began
            if self.commits_for is None or elapsed < self.commits_for:
                try:
                    offsets = [TopicPartition(*it) for it in self.offsets_at(elapsed)]
                    if offsets:
                        consumer.commit(offsets=offsets, asynchronous=False)
                    if self.commits_for is None and self.lives_for is None:
                        self.at_work.set()
                except KafkaException as fault:
                    print(f"{self.label}: {fault}", file=sys.stderr, flush=True)
            else:
                self.at_work.set()
            stop.wait(self.every_s)
        consumer.close()
        self.at_work.set()


def rhythm(offset_at):
    return lambda s: [("rhythms", 0, offset_at(s))]


def groups(bootstrap):
    """Each group of the script."""

    def group(name, offset_at, topics=("rhythms",), **more):
        return Group(bootstrap, name, list(topics), offset_at, **more)

    end = rhythm(lambda _: written)
    quiet_end = lambda _: [("quiet", 0, QUIET)]
    reads = lambda rate: rhythm(lambda s: BACKLOG + int(s * rate))
    return [
        group("ok-steady", end),
        group("ok-slow", end, every_s=SLOW_S),
        group("ok-consumer-protocol", end, **{"group.protocol": "consumer"}),
        group("ok-static", end, **{"group.instance.id": "one"}),
        group("ok-idle", quiet_end, ("quiet",), commits_for=2),
        group("ok-asleep", quiet_end, ("quiet",), lives_for=2),
        group("ok-two-topics", lambda _: [("rhythms", 0, written), ("quiet", 0, QUIET)], ("rhythms", "quiet")),
        group("ok-compacted", lambda _: [("compacted", 0, 100)], ("compacted",), commits_for=2),
        group("lagging-half", reads(200)),
        # More than it reads in a few seconds is left from the start: what keeps up has less.
        group("lagging-nearly", rhythm(lambda s: BACKLOG - 5_000 + int(s * (PRODUCED - 25)))),
        group("stalled-at-work", rhythm(lambda _: BACKLOG - 7)),
        group("stalled-in-one-topic", lambda _: [("rhythms", 0, BACKLOG - 7), ("quiet", 0, QUIET)], ("rhythms", "quiet")),
        group("stopped-and-left", rhythm(lambda _: BACKLOG), lives_for=4),
        group("stopped-with-members", rhythm(lambda _: BACKLOG), commits_for=4),
        group("stopped-long-ago", lambda _: [("quiet", 0, 400)], ("quiet",), lives_for=4),
        group("draining", rhythm(lambda s: min(written, int(s * DRAINED)))),
        group("rewound-with-each-commit", rhythm(lambda s: BACKLOG - int(s * 10))),
        group("no_commits-with-members", lambda _: []),
        group("partial-without-a-leader", lambda _: [("lonely", 0, 0)], ("lonely",), commits_for=3),
        group("partial-in-one-of-two", lambda _: [("lonely", 0, 0), ("rhythms", 0, written)], ("lonely", "rhythms")),
    ]


def main():
    bootstrap = sys.argv[1]
    began = []
    producer = threading.Thread(target=produce, args=(bootstrap, began))
    producer.start()
    prepare(bootstrap)
    while written < BACKLOG:
        time.sleep(0.01)
    began.append(time.monotonic())
    threads = groups(bootstrap)
    for it in threads:
        it.start()
    for it in threads:
        it.at_work.wait()
    print("ready", flush=True)
    sys.stdin.read()
    stop.set()
    for it in [producer, *threads]:
        it.join()


main()
