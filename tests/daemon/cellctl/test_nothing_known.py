#!/usr/bin/env python3
"""cellctl while celld knows nothing yet: it says why, and never that a cell does not exist.

usage: test_nothing_known.py CELLCTL STATUS_SOCKET ADMIN_SOCKET
"""

import subprocess
import sys

CELLCTL, STATUS, ADMIN = sys.argv[1:4]
REASON = "read-only: the journal cannot be opened"
# words, exit status
CASES = [
    (["status"], 0), (["status", "cart"], 1), (["why", "cart"], 1), (["rollout", "get"], 1),
    (["rollout", "plan", "cart", "cartservice", "testing"], 1), (["plan"], 1), (["diff"], 1),
    (["render", "cart"], 1), (["quarantine", "list"], 1), (["sync"], 1),
    (["rollback", "cart", "testing"], 1),
]
failures = 0
for words, status in CASES:
    done = subprocess.run([CELLCTL, *words, "--socket", STATUS, "--admin-socket", ADMIN], text=True,
                          capture_output=True, timeout=60)
    said = done.stdout if status == 0 else done.stderr
    if done.returncode != status or REASON not in said or "there is no" in said:
        failures += 1
        print(f"FAILED {words}: {done.returncode}: {done.stdout}{done.stderr}")
sys.exit(failures > 0)
