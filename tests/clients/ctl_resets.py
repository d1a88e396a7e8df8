#!/usr/bin/env python3
"""kq-ctl offset reset: every position, over gaps of time, a deleted prefix and compaction. What a dry run tells, what is committed then and
what an undo puts back are held against what the log was seen to hold. KQ_CTL names the program."""
import datetime
import json
import os
import pathlib
import subprocess
import tempfile
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from checks import main, topic, unique, until

HOUR_MS = 3_600_000
# Offsets below this are deleted.
START = 5
# Keys by hour: each hour is a segment, and the last one is the active segment, which is never compacted.
HOURS = [
    [f"k{i}" for i in range(10)],
    [f"k{i}" for i in range(10)],
    [f"k{i}" for i in range(5)] + [f"m{i}" for i in range(5)],
    [f"m{i}" for i in range(3)],
]
END = sum(len(it) for it in HOURS)
COMMITTED = 22
METADATA = "by hand, to the letter: \"é\""


class Log:
    """What a reader finds in partition 0: offsets and times, and where it begins and ends."""

    def __init__(self, bootstrap, name):
        consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": unique("g"), "enable.auto.commit": False})
        partition = TopicPartition(name, 0)
        self.start, self.end = consumer.get_watermark_offsets(partition, timeout=10)
        consumer.assign([TopicPartition(name, 0, self.start)])
        self.records = []
        while consumer.position([partition])[0].offset < self.end:
            message = consumer.poll(10)
            assert message is not None and not message.error(), f"read up to {self.records[-1:]} of {self.end}: {message and message.error()}"
            self.records.append((message.offset(), message.timestamp()[1]))
        consumer.close()

    def offsets(self):
        return [offset for offset, _ in self.records]

    def at_time(self, ms):
        return next((offset for offset, at in self.records if at >= ms), self.end)

    def within(self, offset):
        return min(max(offset, self.start), self.end)


class Ctl:
    def __init__(self, bootstrap):
        self.env = {**os.environ, "KQ_BROKERS": bootstrap, "NO_COLOR": "1"}

    def ends(self, code, *args):
        """The document of a command, which has to end with this code."""
        ran = subprocess.run([os.environ["KQ_CTL"], *args, "-o", "json"], env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert ran.returncode == code, f"kq-ctl {' '.join(args)} ended with {ran.returncode}, not {code}: {ran.stdout[:900]}{ran.stderr[:900]}"
        return json.loads(ran.stdout)

    def committed(self, group, name):
        """All that is kept of a commit but its time."""
        items = self.ends(0, "offset", "get", group, "-t", name)["items"]
        return {it["partition"]: (it["committed"], it["metadata"], it["leader_epoch"]) for it in items if it["committed"] is not None}


def written(bootstrap, name, began):
    """Writes every hour's records, the first second apart from each other, and deletes a prefix."""
    producer = Producer({"bootstrap.servers": bootstrap})
    for hour, keys in enumerate(HOURS):
        for nth, key in enumerate(keys):
            producer.produce(name, f"{key} of hour {hour}", key, partition=0, timestamp=began + hour * HOUR_MS + nth * 1000)
        assert producer.flush(30) == 0
    admin, trim = AdminClient({"bootstrap.servers": bootstrap}), TopicPartition(name, 0, START)
    admin.delete_records([trim])[trim].result(30)


def compacted():
    """The offsets that compaction leaves: the newest of each key of the closed segments, and all of the active one."""
    keys = [key for hour in HOURS for key in hour]
    closed = END - len(HOURS[-1])
    newest = {key: offset for offset, key in enumerate(keys[:closed])}
    return [it for it in sorted(newest.values()) if it >= START] + list(range(closed, END))


def positions(log, began, other_at, home):
    """Every way to write a position, and the offset that it comes to."""
    second = began + 2 * HOUR_MS
    iso = datetime.datetime.fromtimestamp((second + 1) / 1000, datetime.timezone.utc)
    ago_ms = int(time.time() * 1000) - (began + HOUR_MS // 2)
    by_at = [(f"@{ms}", log.at_time(ms)) for ms in (0, began, began + HOUR_MS - 1, second, second + 1, second + 4_000, began + 9 * HOUR_MS)]
    yield from ((["--to", spec], want) for spec, want in by_at)
    yield from ((["--to", spec], want) for spec, want in [
        ("earliest", log.start), ("latest", log.end), ("current", COMMITTED), ("0", log.start), ("17", 17), ("24", 24), ("999", log.end),
        ("+3", COMMITTED + 3), ("+999", log.end), ("-4", COMMITTED - 4), ("-999", log.start), ("end-4", log.end - 4), ("end-999", log.start),
        (iso.strftime("@%Y-%m-%dT%H:%M:%S.%fZ"), log.at_time(second + 1)), (f"@-{ago_ms // 1000}s", log.at_time(began + HOUR_MS // 2)),
        ("@2999-01-01T00:00:00Z", log.end), (f"group:{other_at[0]}", other_at[1]),
        *((f"file:{home / it}", 13) for it in ("export.json", "kafka.csv", "rpk.txt")),
    ])
    yield from [
        (["--to-earliest"], log.start), (["--to-latest"], log.end), (["--to-current"], COMMITTED), (["--to-offset", "17"], 17),
        (["--shift-by", "-4"], COMMITTED - 4), (["--shift-by", "3"], COMMITTED + 3), (["--from-file", str(home / "kafka.csv")], 13),
        (["--to-datetime", iso.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]], log.at_time(second + 1)),
        (["--by-duration", f"PT{ago_ms // 1000}S"], log.at_time(began + HOUR_MS // 2)),
    ]


def resets(bootstrap, ctl, name, group, is_compacted, began, home):
    """Plans every position, and carries out and takes back each offset that one came to; how many they were."""
    log, other, count, tried = Log(bootstrap, name), unique("other"), 0, set()
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False})
    consumer.commit(offsets=[TopicPartition(name, 0, COMMITTED, METADATA, 0)], asynchronous=False)
    consumer.close()
    ctl.ends(0, "offset", "reset", other, "-t", f"{name}:0", "--to", "13", "--new-group", "--allow-new-topics", "--yes")
    for file, flags in (("export.json", ["-o", "json"]), ("kafka.csv", ["--csv"])):
        ran = subprocess.run([os.environ["KQ_CTL"], "offset", "export", other, *flags], env=ctl.env, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        (home / file).write_text(ran.stdout)
    (home / "rpk.txt").write_text(f"{name} 0 13\n")
    before = ctl.committed(group, name)
    # librdkafka's Python sends the NUL behind the text, too.
    assert before in ({0: (COMMITTED, METADATA + end, 0)} for end in ("", "\0")), before
    for flags, want in positions(log, began, (other, 13), home):
        line = ["offset", "reset", group, "-t", f"{name}:0", *flags]
        row, = ctl.ends(0, *line, "--dry-run")["items"]
        figures = max(COMMITTED - want, 0), max(want - COMMITTED, 0)
        told = row["from"], row["to"], row["reread"], row["skip"]
        assert told == (COMMITTED, want, *figures), f"{flags}: told {told}, and not {want} with {figures}"
        assert row["is_bound"] == (is_compacted and want != COMMITTED), f"{flags}: {row}"
        count += 1
        if want in tried:
            continue
        tried.add(want)
        assert ctl.committed(group, name) == before, f"{flags}: a dry run changed something"
        undo = ctl.ends(0, *line, "--yes")["summary"]["undo"]
        now = ctl.committed(group, name)[0]
        assert now[0] == want, f"{flags}: {now} is committed, not {want}"
        if want != COMMITTED:
            ctl.ends(0, "offset", "undo", undo, "--yes")
        assert ctl.committed(group, name) == before, f"{flags}: taken back to {ctl.committed(group, name)}"
    return count, len(tried)


def refusals(ctl, name, group):
    """What is no position changes nothing, and says what would be one."""
    before = ctl.committed(group, name)
    for spec in ("", "yesterday", "+", "1.5", "end-", "@", "@tomorrow", "group:", "file:", "max-timestamp", "99999999999999999999"):
        error, = ctl.ends(2, "offset", "reset", group, "-t", name, f"--to={spec}", "--yes")["errors"]
        assert "accepted: earliest" in error["hint"], f"'{spec}': {error}"
    ctl.ends(2, "offset", "reset", group, "-t", name, "--by-duration", "2h", "--yes")
    ctl.ends(2, "offset", "reset", group, "-t", name, "--to", "earliest", "--to-latest", "--yes")
    ctl.ends(2, "offset", "reset", group, "-t", name, "--yes")
    assert ctl.committed(group, name) == before


def check(bootstrap):
    ctl, began, counts = Ctl(bootstrap), int(time.time() * 1000) - 5 * HOUR_MS, []
    rolling = {"segment.ms": "60000", "retention.ms": "-1", "min.cleanable.dirty.ratio": "0"}
    for policy in ("delete", "compact,delete"):
        name = topic(bootstrap, "gaps", partitions=2, config={**rolling, "cleanup.policy": policy})
        written(bootstrap, name, began)
        is_compacted = policy != "delete"
        want = compacted() if is_compacted else list(range(START, END))
        until(lambda: Log(bootstrap, name).offsets() == want, 60, f"the log to be {want}")
        group = unique("g")
        with tempfile.TemporaryDirectory() as home:
            counts.append(resets(bootstrap, ctl, name, group, is_compacted, began, pathlib.Path(home)))
        refusals(ctl, name, group)
    planned, done = (sum(it) for it in zip(*counts))
    return f"{planned} positions planned, {done} offsets committed and taken back"


main(check)
