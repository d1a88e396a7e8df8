#!/usr/bin/env python3
"""Fills a disk. Not a check by itself: the test of a full disk starts it.

until_full.py BOOTSTRAP TOPIC: creates the topic, writes until the broker refuses, prints the refusal, then reads everything acknowledged back while the
disk is still full. Its last line is the verdict."""
import sys

from confluent_kafka import KafkaError, Producer

from checks import create, read_all


def main():
    bootstrap, topic = sys.argv[1], sys.argv[2]
    create(bootstrap, topic, 1)
    acked, faults = [], []
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 5, "message.timeout.ms": 15_000,
                         "message.send.max.retries": 2, "retry.backoff.ms": 50, "log_level": 0})

    def delivered(fault, message):
        faults.append(fault) if fault else acked.append((message.offset(), message.value()))
    number = 0
    while not faults:
        value = f"{number}:".encode() + b"x" * 16_000
        try:
            producer.produce(topic, value, on_delivery=delivered)
            number += 1
        except BufferError:
            producer.poll(0.1)
        producer.poll(0)
        assert number < 100_000, "the disk does not fill up"
    producer.flush(30)
    codes = sorted({fault.name() for fault in faults})
    print(f"refused with {', '.join(codes)} after {len(acked)} records", flush=True)
    typed = {KafkaError.KAFKA_STORAGE_ERROR, KafkaError._MSG_TIMED_OUT}
    assert all(fault.code() in typed for fault in faults), f"refused with {codes}, not with KAFKA_STORAGE_ERROR"
    read = read_all(bootstrap, topic, len(acked))
    there = {it.offset(): it.value() for it in read}
    assert all(there.get(offset) == value for offset, value in acked), "an acknowledged record is not there"
    print(f"ok {len(acked)} records readable on a full disk, refusals {', '.join(codes)}")


try:
    main()
except AssertionError as fault:
    print(f"failed: {fault}")
    sys.exit(1)
