#!/usr/bin/env python3
"""System calls under the journal fail, or the process is killed at one of them: what was said to be
durable is there afterwards, without a gap, and a disk that works again is enough to go on.

usage: test_faults.py JOURNAL_PROBE
"""

import re
import shutil
import subprocess
import sys
import tempfile

PROBE = sys.argv[1]
ROWS = 6
FAULTS = ["error=EIO", "error=ENOSPC", "signal=KILL"]
# call, at which uses of it
CALLS = {"fdatasync": range(1, 14, 2), "pwrite64": range(1, 60, 7), "fsync": range(1, 3),
         "openat": range(30, 60, 6), "ftruncate": range(1, 3), "pread64": range(1, 8, 2)}


def run(*words, trace=()):
    return subprocess.run([*trace, PROBE, *words], text=True, capture_output=True, timeout=120)


def acknowledged(output):
    numbers = re.findall(r"^durable (\d+)$", output, re.M)
    return int(numbers[-1]) if numbers else 0


def can_trace():
    try:
        done = subprocess.run(["strace", "-f", "-o", "/dev/null", "-e",
                               "inject=fsync:error=EIO", "true"], capture_output=True, timeout=60)
    except FileNotFoundError:
        return False
    return done.returncode == 0


def check(call, fault, when):
    directory = tempfile.mkdtemp(prefix="journal-faults.")
    try:
        before = run("write", directory, "2")
        if acknowledged(before.stdout) != 2:
            return f"writing without a fault: {before.stdout}{before.stderr}"
        trace = ["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}",
                 "-e", f"inject={call}:{fault}:when={when}"]
        faulty = run("write", directory, str(ROWS), trace=trace)
        said = max(2, acknowledged(faulty.stdout))
        if "check failed" in faulty.stderr or faulty.returncode in (-6, 134):
            return f"it aborted: {faulty.stderr}"
        after = run("read", directory)
        match = re.match(r"newest (\d+) trusted$", after.stdout.strip())
        if after.returncode != 0 or match is None:
            return f"{said} were durable, then: {after.returncode} {after.stdout}{after.stderr}"
        if int(match[1]) < said:
            return f"{said} were durable, {match[1]} are left"
        again = run("write", directory, "1")
        if again.returncode != 0 or acknowledged(again.stdout) != int(match[1]) + 1:
            return f"going on: {again.stdout}{again.stderr}"
        return None
    finally:
        shutil.rmtree(directory)


def main():
    if not can_trace():
        print("skipped: strace cannot be used here")
        return 77
    points = failures = 0
    for call, places in CALLS.items():
        for fault in FAULTS:
            for when in places:
                points += 1
                problem = check(call, fault, when)
                if problem is not None:
                    failures += 1
                    print(f"FAILED {call} {fault} at {when}: {problem}")
    print(f"{points} points, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
