"""What the client checks share. A check is a script: exit status 0 passed, 77 skipped, else failed; its last line says why."""
import shutil
import sys
import time
import traceback
import uuid

SKIPPED = 77


class Skip(Exception):
    """The check cannot be tried here."""


def main(check):
    """Runs check(bootstrap) and ends the process with its verdict."""
    try:
        figures = check(sys.argv[1])
    except Skip as why:
        print(why)
        sys.exit(SKIPPED)
    except BaseException as fault:  # also an assertion: whatever it is, it is the verdict
        traceback.print_exc()
        print(f"{type(fault).__name__}: {fault}")
        sys.exit(1)
    print(figures or "")


def need(program):
    """The path of a program, or a skip that names it."""
    path = shutil.which(program)
    if path is None:
        raise Skip(f"{program} is not installed")
    return path


def unique(stem):
    return f"{stem}-{uuid.uuid4().hex[:8]}"


def topic(bootstrap, stem, partitions=1, config=None):
    """Creates a topic of a fresh name; its name."""
    name = unique(stem)
    create(bootstrap, name, partitions, config)
    return name


def create(bootstrap, name, partitions, config=None):
    """Creates a topic and waits until its leaders are known."""
    from confluent_kafka.admin import AdminClient, NewTopic
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(name, partitions, 1, config=config or {})])[name].result(30)
    until(lambda: led(admin, name, partitions), 30, f"leaders of {name}")


def led(admin, name, partitions):
    found = admin.list_topics(name, timeout=10).topics.get(name)
    return found is not None and found.error is None and len(found.partitions) == partitions and all(
        it.leader >= 0 for it in found.partitions.values())


def until(condition, seconds, what):
    """Asks until the condition holds; fails by name when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.05)


def read_all(bootstrap, name, count, **config):
    """All records of a topic from its start, in order per partition; fails unless there are exactly `count`."""
    from confluent_kafka import Consumer, OFFSET_BEGINNING, TopicPartition
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": unique("g"), "enable.partition.eof": True, **config})
    partitions = consumer.list_topics(name, timeout=15).topics[name].partitions
    consumer.assign([TopicPartition(name, it, OFFSET_BEGINNING) for it in partitions])
    found, ended, end = [], set(), time.monotonic() + 120
    while len(ended) < len(partitions):
        assert time.monotonic() < end, f"read {len(found)} of {count} records in 120 s"
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error():
            from confluent_kafka import KafkaError
            assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
            ended.add(message.partition())
            continue
        found.append(message)
    consumer.close()
    assert len(found) == count, f"read {len(found)} records, {count} were written"
    return found
