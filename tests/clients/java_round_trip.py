#!/usr/bin/env python3
"""The Java client, by java/RoundTrip.java; its jars come from Maven, once per version."""
import hashlib
import os
import pathlib
import subprocess
import tempfile

from checks import Skip, main, need

HERE = pathlib.Path(__file__).resolve().parent / "java"


def jars(maven):
    pom = HERE / "pom.xml"
    store = pathlib.Path(os.environ.get("TEST_CACHE_DIR", tempfile.gettempdir())) / f"kq-java-jars-{hash_of(pom)}"
    if not (store / "complete").exists():
        done = subprocess.run([maven, "-q", "-B", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={store}"],
                              capture_output=True, text=True)
        if done.returncode:
            raise Skip(f"Maven cannot bring the jars: {(done.stdout + done.stderr).strip().splitlines()[-1:]}")
        (store / "complete").touch()
    return store


def hash_of(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def check(bootstrap):
    java, maven = need("java"), need("mvn")
    ran = subprocess.run([java, "-cp", f"{jars(maven)}/*", HERE / "RoundTrip.java", bootstrap], capture_output=True, text=True, timeout=180)
    assert ran.returncode == 0, f"java ended with {ran.returncode}: {(ran.stdout + ran.stderr)[-600:]}"
    return ran.stdout.strip()


main(check)
