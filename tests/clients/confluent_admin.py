#!/usr/bin/env python3
"""librdkafka's admin calls: create, describe, grow, configure, trim and delete; refusals carry Kafka's codes."""
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, OffsetSpec,
                                   ResourceType)

from checks import led, main, topic, unique, until


def refused(future, code):
    try:
        future.result(30)
    except KafkaException as fault:
        assert fault.args[0].code() == code, f"refused with {fault.args[0]}, not {code}"
    else:
        raise AssertionError(f"accepted what must be refused with {code}")


def check(bootstrap):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    name = topic(bootstrap, "admin", partitions=2, config={"retention.ms": "3600000"})
    refused(admin.create_topics([NewTopic(name, 1, 1)])[name], KafkaError.TOPIC_ALREADY_EXISTS)
    refused(admin.create_topics([NewTopic("a/b", 1, 1)])["a/b"], KafkaError.TOPIC_EXCEPTION)
    absent = unique("absent")
    refused(admin.create_topics([NewTopic(absent, 1, 1, config={"no.such.key": "1"})])[absent], KafkaError.INVALID_CONFIG)
    assert absent not in admin.list_topics(timeout=10).topics, "a refused topic exists"

    resource = ConfigResource(ResourceType.TOPIC, name)
    assert admin.describe_configs([resource])[resource].result(30)["retention.ms"].value == "3600000"
    entry = ConfigEntry("max.message.bytes", "2000000", incremental_operation=AlterConfigOpType.SET)
    change = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
    admin.incremental_alter_configs([change])[change].result(30)
    assert admin.describe_configs([resource])[resource].result(30)["max.message.bytes"].value == "2000000"

    admin.create_partitions([NewPartitions(name, 4)])[name].result(30)
    until(lambda: led(admin, name, 4), 30, "four partitions")
    refused(admin.create_partitions([NewPartitions(name, 3)])[name], KafkaError.INVALID_PARTITIONS)

    producer = Producer({"bootstrap.servers": bootstrap})
    for i in range(100):
        producer.produce(name, str(i), partition=0)
    assert producer.flush(30) == 0
    trim = TopicPartition(name, 0, 40)
    assert admin.delete_records([trim])[trim].result(30).low_watermark == 40
    start = admin.list_offsets({TopicPartition(name, 0): OffsetSpec.earliest()})
    assert next(iter(start.values())).result(30).offset == 40

    admin.delete_topics([name])[name].result(30)
    until(lambda: name not in admin.list_topics(timeout=10).topics, 30, f"{name} to go")
    refused(admin.delete_topics([name])[name], KafkaError.UNKNOWN_TOPIC_OR_PART)
    return ""


main(check)
