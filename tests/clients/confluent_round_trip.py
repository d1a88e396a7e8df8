#!/usr/bin/env python3
"""librdkafka: every acks, every codec, idempotent too; contents, keys, headers and order come back as written."""
from confluent_kafka import Producer

from checks import main, read_all, topic

PER_RUN = 500


def check(bootstrap):
    name = topic(bootstrap, "confluent", partitions=3)
    runs = [{"acks": acks, "compression.type": codec} for acks in ("0", "1", "all") for codec in ("none", "gzip", "snappy", "lz4", "zstd")]
    runs.append({"enable.idempotence": True})
    faults, written = [], {}
    for number, run in enumerate(runs):
        producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, **run})
        for i in range(PER_RUN):
            key, value, partition = f"{number}/{i}", f"{number}/{i}/" + "v" * (i % 211), i % 3
            headers = [("run", str(number).encode()), ("empty", b""), ("none", None), ("run", b"twice")]
            producer.produce(name, value, key, partition=partition, headers=headers,
                             on_delivery=lambda err, _: err and faults.append(err))
            written.setdefault((number, partition), []).append((key.encode(), value.encode(), headers))
            producer.poll(0)
        assert producer.flush(60) == 0, f"run {run} left records"
    assert not faults, f"{len(faults)} faults, the first: {faults[0]}"
    read = read_all(bootstrap, name, PER_RUN * len(runs))
    # With acks=0 the next run may overtake the last one: order holds within each run.
    for (number, partition), want in written.items():
        mine = [it for it in read if it.partition() == partition and it.key().startswith(f"{number}/".encode())]
        assert [(it.key(), it.value(), it.headers()) for it in mine] == want, f"run {number}, partition {partition} came back changed"
    for partition in range(3):
        offsets = [it.offset() for it in read if it.partition() == partition]
        assert offsets == list(range(len(offsets))), f"partition {partition} has holes in its offsets"
    return f"{len(read)} records in {len(runs)} ways"


main(check)
