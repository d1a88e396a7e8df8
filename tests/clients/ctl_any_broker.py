#!/usr/bin/env python3
"""kq-ctl topic compact and the verbs of groups, asked of each of three brokers in turn: whoever does not hold the replicas or coordinate the
group passes it on, and what is told is the same. KQ_CTL names the program."""
import json
import os
import subprocess
import threading

from confluent_kafka import Consumer, Producer

from checks import main, unique, until

PARTITIONS = 4
# Keys of documents that may differ from one call to the next; what is told of lag is as of a coordinator's last round.
VOLATILE = ("at", "last_heard_ms", "undo", "class", "class_since", "why", "time_lag_ms", "catch_up_ms", "partial_count", "unhealthy_count")


class Member(threading.Thread):
    """Reads until it is told to stop; comes back when it is put out."""

    def __init__(self, bootstrap, group, name, **own):
        super().__init__(daemon=True)
        self.consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False, **own})
        self.consumer.subscribe([name])
        self.stops = threading.Event()
        self.start()

    def run(self):
        while not self.stops.is_set():
            self.consumer.poll(0.1)
        self.consumer.close()


def asked(broker, *args):
    """The exit code and the document of a command that one broker is asked for."""
    ran = subprocess.run([os.environ["KQ_CTL"], "-b", broker, *args, "-o", "json"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return ran.returncode, json.loads(ran.stdout)


def ctl(broker, *args, code=0):
    """The document of a command that has to end with this exit code."""
    ended, told = asked(broker, *args)
    assert ended == code, f"kq-ctl -b {broker} {' '.join(args)} ended with {ended}, not {code}: {told['items']} {told['errors']}"
    return told


def lasting(told):
    """A document without what may differ from call to call."""
    if isinstance(told, dict):
        return {key: lasting(value) for key, value in told.items() if key not in VOLATILE}
    return [lasting(it) for it in told] if isinstance(told, list) else told


def everywhere(brokers, *args, code=0):
    """The document of a command that changes nothing; every broker tells the same."""
    first, *others = [ctl(it, *args, code=code) for it in brokers]
    for broker, other in zip(brokers[1:], others):
        assert lasting(other) == lasting(first), f"kq-ctl {' '.join(args)}: {brokers[0]} tells {first}, {broker} tells {other}"
    return first


def compacted(brokers):
    """Each broker is asked to compact one partition, which all three hold; how many replicas did."""
    name, count = unique("prices"), 0
    settings = ["cleanup.policy=compact", "segment.bytes=1048576", "min.cleanable.dirty.ratio=1"]
    ctl(brokers[0], "topic", "create", name, "-p", str(len(brokers)), "-r", "3", *[word for it in settings for word in ("-c", it)])
    producer = Producer({"bootstrap.servers": ",".join(brokers), "acks": "all", "linger.ms": 0})
    for partition, broker in enumerate(brokers):
        for nth in range(4):
            producer.produce(name, os.urandom(400_000), key=f"k{nth}", partition=partition)
            assert producer.flush(60) == 0
        only = ["topic", "compact", name, "-p", str(partition)]
        due = lambda: [it["status"] for it in ctl(broker, *only, "--dry-run")["items"]] == ["would_compact"] * 3
        until(due, 60, f"three replicas of {name}/{partition} that have something to compact")
        everywhere(brokers, *only, "--dry-run")
        done = ctl(broker, *only, "--wait=60s")["items"]
        assert [it["status"] for it in done] == ["compacted"] * 3, done
        assert [it["broker"] for it in done] == [1, 2, 3], done
        after = everywhere(brokers, *only, "--dry-run")["items"]
        assert [it["status"] for it in after] == ["clean"] * 3 and all(it["last_compacted_at"] for it in after), after
        count += len(done)
    everywhere(brokers, "topic", "compact", name, "--dry-run")
    return count


def configured(brokers):
    """Each broker is told of, by whichever one, as it was started itself; so is what a change of it would do."""
    for id, broker in enumerate(brokers, 1):
        items = everywhere(brokers, "config", "describe", "broker", str(id))["items"]
        of = {it["key"]: it for it in items}
        port = broker.rsplit(":", 1)[1]
        assert port in of["listeners"]["value"], f"broker {id} listens at {of['listeners']}, not {port}"
        assert (of["broker.id"]["value"], of["broker.id"]["source"]) == (str(id), "static_broker"), of["broker.id"]
        everywhere(brokers, "config", "set", "broker", str(id), "log.cleaner.delete.retention.ms=1000", "--dry-run")
    return len(brokers)


def worked_on(brokers, name):
    """Each broker is asked to rebalance a group and to put a member out; who coordinates it."""
    group = unique("g")
    own = {"heartbeat.interval.ms": 500, "partition.assignment.strategy": "range"}
    members = [Member(",".join(brokers), group, name, **own) for _ in range(2)]
    ids = lambda: [it["member"] for it in ctl(brokers[0], "group", "member", "list", group)["items"]]
    at = lambda: ctl(brokers[0], "group", "list", group)["items"][0]
    there = lambda: [it["state"] for it in asked(brokers[0], "group", "list", group)[1]["items"]] == ["stable"]
    settled = lambda but=None: there() and len(ids()) == 2 and but not in ids()
    told = []
    until(lambda: all(asked(it, "group", "list")[0] == 0 for it in brokers), 60, "coordinators of all groups")
    until(settled, 60, "two members at work")
    for broker in brokers:
        listed = everywhere(brokers, "group", "member", "list", group)["items"]
        assert all(it["epoch"] is None and it["revoking"] == [] and it["partition_count"] == PARTITIONS // 2 for it in listed), listed
        everywhere(brokers, "group", "describe", group, "--state")
        everywhere(brokers, "group", "rebalance", group, "--dry-run")
        before = at()["generation"]
        done = ctl(broker, "group", "rebalance", group, "--wait=60s", "--reason", f"by {broker}")["items"][0]
        assert (done["status"], done["generation"], done["member_count"]) == ("rebalancing", before, 2), done
        assert at()["generation"] > before, "it is asked of its coordinator once it is back"
        told.append(("rebalance of 2 members", f"by {broker}"))
        until(settled, 60, "both members back at work")
        gone = ids()[0]
        put_out = ["group", "member", "remove", group, "--member", gone]
        everywhere(brokers, *put_out, "--dry-run")
        done = ctl(broker, *put_out, "--yes", "--reason", f"by {broker}")["items"]
        assert [(it["member"], it["status"]) for it in done] == [(gone, "removed")], done
        told.append((f"removal of 1 member: {gone}", f"by {broker}"))
        until(lambda: settled(gone), 60, f"two members without {gone}")
        everywhere(brokers, *put_out, "--yes", code=5)
    for it in members:
        it.stops.set()
    for it in members:
        it.join(30)
    coordinator = at()["coordinator"]
    kept = history(brokers, group)
    assert kept == told, f"the history has {kept}, not {told}"
    return coordinator


def deleted(brokers, name):
    """Each broker is asked to delete the same six groups, which are made anew in between; what is told is the same."""
    groups = [unique("d") for _ in range(6)]
    answers = []
    for broker in brokers:
        for group in groups:
            ctl(broker, "offset", "reset", group, "-t", name, "--to", "earliest", "--new-group", "--yes")
        everywhere(brokers, "group", "list", *groups)
        everywhere(brokers, "group", "delete", *groups, "nobody", "--dry-run", code=8)
        told = ctl(broker, "group", "delete", *groups, "nobody", "--yes", "--reason", "over", code=8)
        assert [it["group"] for it in told["items"]] == groups, told
        assert all((it["status"], it["offset_count"]) == ("deleted", PARTITIONS) for it in told["items"]), told
        assert [(it["item"], it["code"]) for it in told["errors"]] == [("nobody", "kafka.GROUP_ID_NOT_FOUND")], told
        answers.append(lasting(told))
        last = {it["group"]: it["undo"] for it in told["items"]}
        for group in groups:
            kept = history(brokers, group)[-1]
            assert kept == (f"deletion of the group with {PARTITIONS} offsets, plan {last[group]}", "over"), kept
        everywhere(brokers, "group", "delete", groups[0], "--yes", code=5)
    assert all(it == answers[0] for it in answers), answers
    return len(groups) * len(brokers)


def history(brokers, group):
    """What every broker's history tells of a group, and why."""
    of = lambda broker: [(it["message"], it["reason"]) for it in ctl(broker, "events", "--kind", "group_operated", "--all")["items"] if it["subject"] == f"group {group}"]
    told = lambda: [of(it) for it in brokers]
    until(lambda: len({str(it) for it in told()}) == 1, 30, f"one history of {group}")
    return of(brokers[0])


def check(bootstrap):
    brokers = bootstrap.split(",")
    ctl(bootstrap, "cluster", "wait", "--for", f"brokers={len(brokers)}", "--wait=60s")
    configured(brokers)
    replicas = compacted(brokers)
    name = unique("work")
    ctl(bootstrap, "topic", "create", name, "-p", str(PARTITIONS), "-r", "3")
    coordinator = worked_on(brokers, name)
    groups = deleted(brokers, name)
    return f"{replicas} replicas compacted, a group of broker {coordinator} worked on and {groups} groups deleted through {len(brokers)} brokers"


main(check)
