#!/usr/bin/env python3
"""celld with many cells, the real programs: what an idle look costs, what it keeps in memory, and
how long a push takes to its first write.

    tests/bench/scale/bench_scale.py [CELLS] [PUSHES]

Programs come from CELLD_BIN (default build/release/bin). Prints figures, asserts only counts."""

import json
import os
import pathlib
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parents[3]
os.environ.setdefault("CELLD_BIN", str(SOURCE / "build/release/bin"))
sys.path.insert(0, str(SOURCE / "tests/e2e"))
from world import World, expect  # noqa: E402

PLATFORM = """
apiVersion: celld.dev/v1
kind: Platform
metadata: {name: many}
spec:
  namespace: many
  projectPrefix: many-
  regions:
    - {name: us, dataPlane: {kind: ClusterDataPlane, name: us}}
  environments:
    - {name: development}
  phases:
    - {name: all, cells: [%s]}
"""
CELL = """
apiVersion: celld.dev/v1
kind: Cell
metadata: {name: %(name)s}
spec:
  description: Cell number %(number)d
  components:
    - name: %(name)s-api
      type: service
      image: registry.example/%(name)s:1.0.0
      endpoints:
        - {name: http, type: http, port: 8080, basePath: /%(name)s, visibility: [namespace]}
      env:
        - {name: PORT, value: "8080"}
        - {name: LOG_LEVEL, value: info}
  resources:
    limits: {cpu: "500m", memory: "256Mi"}
    requests: {cpu: "50m", memory: "64Mi"}
"""


def memory_kib(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) for line in lines
            if line.startswith(("VmRSS", "VmHWM"))}


def curl_pages(world, collection, pages):
    """The same pages by curl --parallel: the baseline of an idle look."""
    url = f"{world.url}/api/v1/namespaces/many/{collection}?limit=100"
    before = time.monotonic()
    subprocess.run(["curl", "--silent", "--parallel", "--parallel-max", "6",
                    *["--output", "/dev/null", url] * pages], check=True, stderr=subprocess.DEVNULL)
    return time.monotonic() - before


def wait_for_write(log):
    """Until a request that is not a GET is appended to the open log."""
    end = time.monotonic() + 60
    text = b""
    while not any(f'"method":"{method}"'.encode() in text for method in ("POST", "PUT", "DELETE")):
        expect(time.monotonic() < end, "no write within a minute")
        text += log.read()
        time.sleep(0.002)


def wait_for_rest(world, quiet=4, deadline=120):
    """Between two looks: nothing was asked for `quiet` seconds."""
    end = time.monotonic() + deadline
    count, since = len(world.requests()), time.monotonic()
    while time.monotonic() - since < quiet:
        expect(time.monotonic() < end, "celld never rests")
        time.sleep(0.5)
        if len(world.requests()) != count:
            count, since = len(world.requests()), time.monotonic()


def main():
    cells = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    pushes = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    names = [f"c{number:04d}" for number in range(cells)]
    with World(speed=50, interval="60s", idle_interval="10s") as world:
        world.write("platform.yaml", PLATFORM % ", ".join(names))
        for number, name in enumerate(names):
            world.write(f"cells/{name}/cell.yaml", CELL % {"name": name, "number": number})
        world.start_standin()
        world.settings = "engine: {parallel: 64}\n"
        world.start_celld()
        begin = time.monotonic()
        world.wait_converged(world.deploy("Declare everything"), deadline=3600)
        print(f"{cells} cells converged from nothing in {time.monotonic() - begin:.1f} s")

        mark = len(world.requests())
        time.sleep(35)
        idle = world.requests()[mark:]
        expect(all(request["method"] == "GET" for request in idle), "an idle look wrote something")
        passes = max(1, len([r for r in idle if r["path"].split("?")[0].endswith("/projects")
                             and "cursor" not in r["path"]]))
        reads = len(idle) / passes
        collections = {}
        for request in idle:
            name = request["path"].split("?")[0].rsplit("/", 1)[-1]
            collections[name] = collections.get(name, 0) + 1
        baseline = sum(curl_pages(world, name, max(1, count // passes))
                       for name, count in collections.items())
        print(f"idle: {passes} looks, {reads:.0f} requests a look, 0 writes; "
              f"the same pages by curl --parallel take {baseline * 1000:.0f} ms")
        wait_for_rest(world)
        memory = memory_kib(world.celld.pid)
        print(f"resident: {memory['VmRSS'] / 1024:.1f} MiB at rest, {memory['VmHWM'] / 1024:.1f} MiB "
              f"at most (goal at rest: 32 MiB)")

        waits = []
        for push in range(pushes):
            name = names[(push * 37) % cells]
            world.write(f"cells/{name}/cell.yaml", (CELL % {"name": name, "number": 1}).replace(
                ":1.0.0", f":1.{push + 1}.0"))
            world.push(f"Release {name} {push}")
            with open(world.request_log, "rb") as log:
                log.seek(0, os.SEEK_END)
                before = time.monotonic()
                world.cellctl("sync")
                wait_for_write(log)
                waits.append(time.monotonic() - before)
        waits.sort()
        print(f"push (by sync) to first write, {pushes} pushes: median {waits[len(waits) // 2]:.3f} s, "
              f"p99 {waits[min(len(waits) - 1, int(len(waits) * 0.99))]:.3f} s (goal 1 s)")


if __name__ == "__main__":
    main()
