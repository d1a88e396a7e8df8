#!/usr/bin/env python3
"""kcat writes keyed lines with each codec and reads back the same lines."""
import subprocess

from checks import main, need, topic


def check(bootstrap):
    kcat = need("kcat")
    name = topic(bootstrap, "kcat")
    lines = [f"k{i}:value {i} {'x' * (i % 97)}" for i in range(2000)]
    codecs = ["none", "gzip", "snappy", "lz4", "zstd"]
    for codec in codecs:
        subprocess.run([kcat, "-b", bootstrap, "-P", "-t", name, "-K:", "-z", codec, "-X", "acks=all"],
                       input="\n".join(lines) + "\n", text=True, check=True, timeout=60)
    read = subprocess.run([kcat, "-b", bootstrap, "-C", "-t", name, "-K:", "-e", "-q", "-o", "beginning"],
                          capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    assert read == lines * len(codecs), f"read {len(read)} lines that differ from the {len(lines) * len(codecs)} written"
    return f"{len(read)} records through {len(codecs)} codecs"


main(check)
