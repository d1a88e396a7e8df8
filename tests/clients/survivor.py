#!/usr/bin/env python3
"""A producer that outlives its broker. Not a check by itself: the tests of real processes start it.

survivor.py BOOTSTRAP TOPIC PARTITIONS [exists]: creates the topic unless it exists, writes numbered records with acks=all, idempotently, until its stdin ends. Tells how many are
acknowledged, one count a line. Then reads all partitions back and fails unless each acknowledged record is there exactly once, at the
offset that was acknowledged, in order of sending, with no hole and no duplicate. Its last line is the verdict."""
import select
import sys
import time

from confluent_kafka import KafkaException, Producer

from checks import create, read_all

IN_FLIGHT_MAX = 2000
TELL_EVERY_S = 0.02


def produce(bootstrap, topic, partitions, sent, acked, faults):
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "acks": "all", "linger.ms": 2,
                         "message.timeout.ms": 120_000, "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100,
                         "retry.backoff.ms": 20, "retry.backoff.max.ms": 100, "socket.timeout.ms": 10_000, "log_level": 0})

    def delivered(fault, message):
        if fault is not None:
            faults.append(str(fault))
        else:
            acked.append((message.partition(), message.offset(), message.value()))
    told = 0.0
    while not select.select([sys.stdin], [], [], 0)[0]:
        while len(sent) - len(acked) - len(faults) < IN_FLIGHT_MAX:
            number = len(sent)
            value = f"{number}:".encode() + b"x" * (number % 500)
            producer.produce(topic, value, partition=number % partitions, on_delivery=delivered)
            sent.append(value)
        producer.poll(0.01)
        if told + TELL_EVERY_S < time.monotonic():
            told = time.monotonic()
            print(len(acked), flush=True)
    left = producer.flush(120)
    assert left == 0, f"{left} records were neither acknowledged nor refused"


def verify(bootstrap, topic, partitions, sent, acked):
    read = read_all(bootstrap, topic, len(sent))
    there = {(it.partition(), it.offset()): it.value() for it in read}
    lost = [(partition, offset) for partition, offset, value in acked if there.get((partition, offset)) != value]
    assert not lost, f"{len(lost)} acknowledged records are not where they were acknowledged, the first at {lost[0]}"
    for partition in range(partitions):
        want = sent[partition::partitions]
        got = [it.value() for it in read if it.partition() == partition]
        assert got == want, f"partition {partition} is not what was sent in its order: {len(got)} records for {len(want)}"
        offsets = [it.offset() for it in read if it.partition() == partition]
        assert offsets == list(range(len(want))), f"partition {partition} has holes in its offsets"


def last_acked(acked):
    """The highest acknowledged offset of each partition, for the search of a fault."""
    return {partition: offset for partition, offset, _ in sorted(acked, key=lambda it: it[:2])}


def main():
    bootstrap, topic, partitions = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if sys.argv[4:] != ["exists"]:
        create(bootstrap, topic, partitions)
    sent, acked, faults = [], [], []
    try:
        produce(bootstrap, topic, partitions, sent, acked, faults)
    except KafkaException as fault:
        faults.append(f"{fault.args[0].str()}; acknowledged up to {last_acked(acked)}")
    if faults:
        print(f"failed: {len(faults)} records were refused, the first: {faults[0]}")
        sys.exit(1)
    try:
        verify(bootstrap, topic, partitions, sent, acked)
    except AssertionError as fault:
        print(f"failed: {fault}")
        sys.exit(1)
    print(f"ok {len(acked)} acknowledged records, each there once and in order")


main()
