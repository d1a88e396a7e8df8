#!/usr/bin/env python3
"""librdkafka: a group goes from the classic to the consumer protocol (KIP-848) and back, member by member; no record is left out or read twice."""
import threading

from confluent_kafka import Consumer, Producer

from checks import main, topic, unique, until

PARTITIONS = 6
RECORDS = 600


class Member(threading.Thread):
    """Reads and commits until it is told to leave."""

    def __init__(self, bootstrap, group, name, protocol):
        super().__init__(daemon=True)
        more = {"partition.assignment.strategy": "cooperative-sticky"} if protocol == "classic" else {}
        self.consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "group.protocol": protocol,
                                  "auto.offset.reset": "earliest", "enable.auto.commit": False, **more})
        self.consumer.subscribe([name])
        self.seen, self.owned, self.leaves, self.fault = [], set(), threading.Event(), None
        self.start()

    def run(self):
        try:
            while not self.leaves.is_set():
                message = self.consumer.poll(0.1)
                if message is not None and not message.error():
                    self.seen.append(message.value())
                    self.consumer.commit(message, asynchronous=False)
                self.owned = {it.partition for it in self.consumer.assignment()}
            self.consumer.close()
        except Exception as fault:
            self.fault = fault

    def leave(self):
        self.leaves.set()
        self.join(30)
        assert self.fault is None, self.fault


def check(bootstrap):
    name, group = topic(bootstrap, "groups", PARTITIONS), unique("g")
    producer, written = Producer({"bootstrap.servers": bootstrap}), []
    members, gone = [], []

    def write():
        for _ in range(RECORDS):
            written.append(str(len(written)).encode())
            producer.produce(name, written[-1], written[-1])
        assert producer.flush(60) == 0
        until(lambda: sum(len(it.seen) for it in members + gone) >= len(written), 60, f"{len(written)} records")
        seen = sorted(value for it in members + gone for value in it.seen)
        assert seen == sorted(written), "records were left out or read twice"

    def share(count):
        def settled():
            faults = [it.fault for it in members if it.fault]
            assert not faults, faults
            owned = [it.owned for it in members]
            return len(members) == count and all(len(it) == PARTITIONS // count for it in owned) and len(set.union(*owned)) == PARTITIONS
        until(settled, 90, f"{PARTITIONS} partitions at {count} members")
        write()

    def leave():
        gone.append(members.pop(0))
        gone[-1].leave()

    members.append(Member(bootstrap, group, name, "classic"))
    share(1)
    members.append(Member(bootstrap, group, name, "consumer"))
    share(2)
    leave()
    share(1)
    members.append(Member(bootstrap, group, name, "classic"))
    share(2)
    leave()
    share(1)
    leave()
    return f"{len(written)} records through 2 changes of protocol"


main(check)
