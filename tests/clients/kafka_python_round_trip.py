#!/usr/bin/env python3
"""kafka-python, a client without librdkafka inside: writes, seeks by time and reads back."""
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from checks import main, topic


def check(bootstrap):
    name = topic(bootstrap, "kafka-python")
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5, compression_type="gzip")
    sent = [producer.send(name, key=str(i).encode(), value=b"v" * (i % 300), timestamp_ms=1_700_000_000_000 + i) for i in range(1000)]
    offsets = [it.get(timeout=30).offset for it in sent]
    assert offsets == list(range(1000)), "offsets are not in the order of sending"
    producer.close()
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, consumer_timeout_ms=10_000)
    partition = TopicPartition(name, 0)
    consumer.assign([partition])
    found = consumer.offsets_for_times({partition: 1_700_000_000_500})[partition]
    assert found.offset == 500, f"the time leads to offset {found.offset}, not 500"
    consumer.seek(partition, 500)
    read = []
    for message in consumer:
        read.append((int(message.key), len(message.value)))
        if len(read) == 500:
            break
    assert read == [(i, i % 300) for i in range(500, 1000)], "read back something else"
    consumer.close()
    return "1000 records, look-up by time"


main(check)
