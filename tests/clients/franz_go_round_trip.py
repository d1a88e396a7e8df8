#!/usr/bin/env python3
"""franz-go, by go/main.go; its modules come through Go's own proxy, pinned by go.sum."""
import pathlib
import subprocess

from checks import Skip, main, need

HERE = pathlib.Path(__file__).resolve().parent / "go"


def check(bootstrap):
    go = need("go")
    fetched = subprocess.run([go, "mod", "download"], cwd=HERE, capture_output=True, text=True)
    if fetched.returncode:
        raise Skip(f"Go cannot bring the modules: {fetched.stderr.strip().splitlines()[-1:]}")
    ran = subprocess.run([go, "run", ".", bootstrap], cwd=HERE, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, f"go ended with {ran.returncode}: {(ran.stdout + ran.stderr)[-600:]}"
    return ran.stdout.strip()


main(check)
