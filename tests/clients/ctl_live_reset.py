#!/usr/bin/env python3
"""kq-ctl offset reset --live: members of each protocol, and of both in one group, go on at the new offsets while records are written. Nobody
commits over them and nothing is skipped; members of the consumer protocol come back to what they had. KQ_CTL names the program."""
import json
import os
import subprocess
import threading
import time

from confluent_kafka import Consumer, Producer

from checks import main, topic, unique, until

PARTITIONS = 12
# What each of the members speaks, and whether they have instances.
GROUPS = [
    (["consumer"] * 3, False),
    (["consumer"] * 3, True),
    (["classic"] * 3, False),
    (["consumer", "classic", "classic"], False),
]


class Member(threading.Thread):
    """Reads until it is told to stop, and commits by itself."""

    def __init__(self, bootstrap, group, name, protocol, instance, seen):
        super().__init__(daemon=True)
        own = {"group.protocol": "consumer"} if protocol == "consumer" else {"partition.assignment.strategy": "cooperative-sticky", "heartbeat.interval.ms": 500}
        own |= {"group.instance.id": instance} if instance else {}
        self.consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest", "auto.commit.interval.ms": 300, **own})
        self.seen, self.owned, self.lost, self.stops = seen, set(), [], threading.Event()
        note_lost = lambda _, partitions: self.lost.append({it.partition for it in partitions})
        self.consumer.subscribe([name], on_lost=note_lost)
        self.start()

    def run(self):
        while not self.stops.is_set():
            for message in self.consumer.consume(500, 0.1):
                if not message.error():
                    self.seen.append((message.partition(), message.offset()))
            self.owned = {it.partition for it in self.consumer.assignment()}
        self.consumer.close()


class Writer(threading.Thread):
    """Writes to all partitions until it is told to stop."""

    def __init__(self, bootstrap, name):
        super().__init__(daemon=True)
        self.producer, self.name, self.count, self.stops = Producer({"bootstrap.servers": bootstrap}), name, 0, threading.Event()
        self.start()

    def run(self):
        while not self.stops.wait(0.02):
            for partition in range(PARTITIONS):
                self.producer.produce(self.name, str(self.count), partition=partition)
            self.producer.poll(0)
            self.count += 1
        assert self.producer.flush(30) == 0


def ctl(bootstrap, *args):
    """The document of a command."""
    ran = subprocess.run([os.environ["KQ_CTL"], "-b", bootstrap, *args, "-o", "json"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert ran.returncode == 0, f"kq-ctl {' '.join(args)} ended with {ran.returncode}: {ran.stdout[:900]}{ran.stderr[:900]}"
    return json.loads(ran.stdout)


def reads(seen, upto=None):
    """The offsets of each partition, in the order in which they were read."""
    of = {it: [] for it in range(PARTITIONS)}
    for partition, offset in seen[:upto]:
        of[partition].append(offset)
    return of


def moved(bootstrap, protocols, are_static):
    """Moves one group at work to the beginning; how long its members were away at most."""
    name, group, seen = topic(bootstrap, "live", PARTITIONS), unique("g"), []
    writer = Writer(bootstrap, name)
    members = [Member(bootstrap, group, name, protocol, f"i{nth}" if are_static else None, seen) for nth, protocol in enumerate(protocols)]
    share = PARTITIONS // len(members)
    until(lambda: all(len(it.owned) == share for it in members), 60, f"{share} partitions each: {[it.owned for it in members]}")
    until(lambda: ctl(bootstrap, "group", "list", "-g", group)["items"][0]["state"] == "stable", 30, "a stable group")
    until(lambda: all(len(it) > 50 for it in reads(seen).values()), 60, "50 records of each partition")
    owned, lost = [it.owned for it in members], [len(it.lost) for it in members]
    began, before = time.monotonic(), len(seen)
    told = ctl(bootstrap, "offset", "reset", group, "-t", name, "--to", "earliest", "--live", "--yes")
    took = time.monotonic() - began
    assert told["summary"]["expelled_count"] == len(members), told["summary"]
    assert all(it["to"] == 0 and it["to_time"] for it in told["items"]), told["items"]
    reread = {partition: max(offsets) for partition, offsets in reads(seen, before).items()}
    again = lambda: reads(seen[before:])
    until(lambda: all(it.count(0) and max(it[it.index(0):]) > reread[at] for at, it in again().items()), 60, "all to be read again")
    writer.stops.set()
    writer.join()
    until(lambda: all(set(range(writer.count)) <= set(it) for it in again().values()), 60, f"{writer.count} records of each partition from the beginning")
    for it in members:
        it.stops.set()
    for it in members:
        it.join(30)
    for partition, offsets in again().items():
        start = offsets.index(0)
        assert offsets[start:].count(0) == 1 or len(set(protocols)) > 1, f"partition {partition} was moved more than once"
        skipped = [(a, b) for a, b in zip(offsets[start:], offsets[start + 1:]) if b > a + 1]
        assert not skipped, f"partition {partition} goes on behind what was not read: {skipped}"
    if set(protocols) == {"consumer"}:
        assert [it.lost[n:] for it, n in zip(members, lost)] == [[it] for it in owned], "each gives up what it had, once"
        assert [it.owned for it in members] == owned, "each comes back to what it had"
    return took


def check(bootstrap):
    took = [moved(bootstrap, protocols, are_static) for protocols, are_static in GROUPS]
    return f"members were back after {', '.join(f'{it:.1f}' for it in took)} s"


main(check)
