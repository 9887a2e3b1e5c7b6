"""The data plane of the stand-in serves: a gateway that follows the live routes, pods that behave as
their tags say, and metrics that a real Prometheus reads, without holding up the control plane."""

import json
import subprocess
import time

from world import BIN, World, expect, wait_until


def load(world, where, *arguments):
    host, path = where
    done = subprocess.run([BIN / "choreo-load", "--url", world.gateway + path, "--host", host,
                           *arguments], capture_output=True, text=True, timeout=120)
    return json.loads(done.stdout)


def main():
    with World(traffic=True) as world:
        world.use_small()
        world.edit("cells/stock/cell.yaml", "visibility: [namespace]",
                   "visibility: [namespace, external]")
        world.start_standin()
        world.start_celld()
        world.start_prometheus()
        world.wait_converged(world.deploy("Declare everything"))
        where = world.public("stock-api", "http", "production")

        # Every request of a constant rate is answered, and Prometheus counts each.
        counts = load(world, where, "--rate", "200", "--seconds", "5")
        expect(counts["sent"] == 1000 and counts["statuses"] == {"200": 1000}, f"answers: {counts}")
        query = ('sum by (destination_workload, status) (hubble_http_requests_total{'
                 'reporter="server",destination_workload=~"stock-api-a-production-.*"})')
        wait_until("Prometheus has counted them", lambda: any(
            row["metric"]["status"] == "200" and float(row["value"][1]) == 1000
            for row in world.prometheus(query)), explain=lambda: str(world.prometheus(query)))
        durations = world.prometheus('hubble_http_request_duration_seconds_bucket{le="+Inf",'
                                     'destination_workload=~"stock-api-a-production-.*"}')
        expect(sum(float(row["value"][1]) for row in durations) == 1000, f"{durations}")

        # An image that fails one request in five does, and a slow one is slow; a rolling update
        # between them loses nothing else.
        world.edit("cells/stock/cell.yaml", "stock:1.0.0", "stock:1.1.0-errors20-slow50")
        world.wait_converged(world.deploy("Release a stock that fails and is slow"))
        counts = load(world, where, "--rate", "200", "--seconds", "5")
        failed = counts["statuses"].get("500", 0)
        expect(120 < failed < 290 and failed + counts["statuses"]["200"] == 1000, f"{counts}")
        slow = ('sum(hubble_http_request_duration_seconds_bucket{le="0.05",'
                'destination_workload=~"stock-api-a-production-.*",destination_pod=~".*"})')
        shown = world.traffic()
        expect(shown["failed"] == failed, f"the gateway counted {shown['failed']}, not {failed}")
        expect(len(world.traffic_events("failed")) == failed, "not every failure is in the log")
        expect([w["restarts"] for w in shown["workloads"]
                if w["name"].startswith("stock-api-a-production-")
                and w["requests"] >= 2000] == [1], f"restarts: {shown['workloads']}")
        expect(float(world.prometheus(slow)[0]["value"][1]) <= 1000, "none of the slow is fast")

        # Under as much load as comes, the control plane still answers at once.
        host, path = where
        wrk = world.start("wrk", "-t1", "-c32", "-d4", "-H", f"Host: {host}", world.gateway + path)
        slowest = 0
        while wrk.poll() is None:
            begun = time.monotonic()
            world.api("GET", "/api/v1/namespaces/shop/components")
            slowest = max(slowest, time.monotonic() - begun)
            time.sleep(0.05)
        expect(slowest < 5, f"the control plane took {slowest:.1f} s for an answer")
        expect(world.traffic()["requests"] > shown["requests"] + 1000, "wrk was not served")

        world.standin.terminate()
        expect(world.standin.wait(timeout=60) == 0, "the stand-in did not end well")


if __name__ == "__main__":
    main()
