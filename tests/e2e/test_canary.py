"""Canaries of one component under traffic, judged on the data of a real Prometheus: a good release
goes step by step to 100 % without a failed request, a bad one is taken back by the judge and stays
in quarantine, the fix goes through."""

import json
import subprocess

import contract
from serving import (backends, check_pods_stay, check_safe, end_load, start_load, wait_weights,
                     weights, written_weights)
from world import BIN, World, expect, wait_until

CELL = "cells/stock/cell.yaml"
TARGET = "production"
ROUTE = f"stock-api-{TARGET}"
GOOD = [5, 20, 50, 100]
SOAKS = {5: 15, 20: 10, 50: 10}
TESTERS = (", match: {headers: [{name: x-canary, value: always}], "
           "cookies: [{name: canary, value: always}]}")


def use_canary(world, bake="6s"):
    """One cell with one component on one target."""
    steps = ", ".join(f"{{weight: {weight}, soak: {soak}s{TESTERS if weight == 5 else ''}}}"
                      for weight, soak in SOAKS.items())
    use_one_cell(world, f"""
    strategy: canary
    steps: [{steps}]
    analysis: {{provider: prometheus, template: hubble, interval: 10s, metrics: [error-rate]}}
    bake: {bake}
    progressDeadline: 60s
""")


def use_one_cell(world, rollout):
    world.write("platform.yaml", """
apiVersion: celld.dev/v1
kind: Platform
metadata: {name: shop}
spec:
  namespace: shop
  projectPrefix: shop-
  regions: [{name: us, dataPlane: {kind: ClusterDataPlane, name: us}}]
  environments: [{name: production, production: true}]
  phases: [{name: first, cells: [stock]}]
""")
    world.write(CELL, f"""
apiVersion: celld.dev/v1
kind: Cell
metadata: {{name: stock}}
spec:
  components:
    - name: stock-api
      type: service
      image: registry.example/stock:1.0.0
      replicas: 2
      endpoints:
        - {{name: http, type: http, port: 8080, basePath: /stock, visibility: [external]}}
  rollout: {rollout}""")


def release(world, old, new):
    world.edit(CELL, f"stock:{old}\n", f"stock:{new}\n")
    return world.deploy(f"Release stock {new}")


def check_steps(steps, slot, wanted):
    """celld wrote exactly these weights for the slot, and none before the soak of the one before
    was over."""
    shares = [found.get(slot, 0) for _, found in steps]
    shares = shares[1:] if shares[:1] == [0] else shares
    expect(shares == wanted, f"weights of slot {slot}: {shares}")
    rises = [(at, found[slot]) for at, found in steps if found.get(slot)]
    for (begun, weight), (ended, _) in zip(rises, rises[1:]):
        expect(ended - begun >= SOAKS[weight],
               f"{weight} % was soaked for {ended - begun:.1f} s, not {SOAKS[weight]}")


def check_testers(world, where):
    """At the first step whoever brings the header or the cookie meets the new release."""
    host, path = where
    for header in ("X-Canary: always", "Cookie: theme=dark; canary=always; lang=en"):
        done = subprocess.run(
            [BIN / "choreo-load", "--url", world.gateway + path, "--host", host, "--header", header,
             "--rate", "10", "--seconds", "1"], capture_output=True, text=True, timeout=60)
        workloads = json.loads(done.stdout)["workloads"]
        expect(all(name.startswith("stock-api-b-") for name in workloads) and workloads,
               f"{header}: {workloads}")


def main():
    with World(traffic=True) as world:
        use_canary(world)
        world.start_standin()
        world.start_prometheus()
        world.start_celld()
        world.wait_converged(world.deploy("Declare everything"))
        where = world.public("stock-api", "http", TARGET)
        load = start_load(world, where)
        wait_until("requests are counted", lambda: world.traffic()["requests"] > 200)

        count = len(world.requests())
        revision = release(world, "1.0.0", "1.1.0")
        wait_weights(world, "stock-api", {"a": 95, "b": 5}, "the first step")
        check_testers(world, where)
        world.wait_converged(revision)
        check_steps(written_weights(world, ROUTE, count), "b", GOOD)
        expect(world.traffic()["failed"] == 0, f"failed: {world.traffic_events('failed')[:5]}")
        sent = backends(world, "stock-api")["b"]["sent"]
        expect(sent > 500, f"slot b got {sent} requests")

        # A bad release: condemned by what its requests show.
        count = len(world.requests())
        release(world, "1.1.0", "1.2.0-errors10")
        wait_until("it is rolled back", lambda:
                   world.node("stock", TARGET)["state"] == "rolled-back", explain=world.explain)
        wait_weights(world, "stock-api", {"b": 100}, "all traffic is on the stable release")
        shares = [found.get("a", 0) for _, found in written_weights(world, ROUTE, count)]
        highest = max(shares)
        expect(shares[-1] == 0 and 0 < highest <= 50, f"weights of the bad release: {shares}")
        failed = world.traffic()["failed"]
        expect(0 < failed < 200, f"{failed} requests failed")
        why = world.cellctl("why", "stock")
        expect("error-rate" in why and "quarantine" in why, f"why says: {why}")
        entries = world.cellctl("quarantine", "list")
        expect("stock-api" in entries and TARGET in entries, f"quarantine: {entries}")

        # The same content again changes nothing.
        count = len(world.requests())
        world.write("README.md", "again\n")
        revision = world.deploy("Say something else")
        wait_until("the new revision is looked at", lambda:
                   world.status()["revision"]["commit"] == revision
                   and len([r for r in world.requests()[count:] if r["method"] == "GET"]) > 20)
        expect(not world.writes(count), f"{world.writes(count)[:3]}")
        expect(weights(world, "stock-api") == {"b": 100}, "the weights moved")

        # The fix.
        count = len(world.requests())
        world.wait_converged(release(world, "1.2.0-errors10", "1.2.1"))
        check_steps(written_weights(world, ROUTE, count), "a", GOOD)
        counts = end_load(world, load)
        expect(counts["failed"] == failed == world.traffic()["failed"], f"{failed}: {counts}")
        check_safe(world)
        check_pods_stay(world, "stock-api", TARGET)
        contract.check(world.requests())
        print(f"{counts['sent']} requests, {failed} failed by the bad release at {highest} % or less")


if __name__ == "__main__":
    main()
