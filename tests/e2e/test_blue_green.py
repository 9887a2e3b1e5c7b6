"""Blue-green of the frontend under load: the flip, the bake with the way back open, the flip back and
another flip lose no request, and no pod is restarted by moving traffic."""

import re
import signal

from serving import check_pods_stay, check_safe, check_serving, wait_weights
from world import World, expect, wait_until

CELL = "cells/frontend-cell/cell.yaml"
TARGET = "production"


def use_one_region(world, bake):
    """The example on one production target, whose frontend goes blue-green."""
    world.use_example()
    text = (world.repository / "platform.yaml").read_text()
    text = re.sub(r"  environments:.*?(?=  phases:)",
                  "  environments:\n    - {name: production, production: true, regions: [us]}\n",
                  text, flags=re.DOTALL)
    world.write("platform.yaml", text)
    world.edit(CELL, "rollout: {bake: 5s}\n      components: {frontend: {replicas: 3}",
               f"rollout: {{bake: {bake}}}\n      components: {{frontend: {{replicas: 3, rollout: "
               "{strategy: blue-green}}")


def slots_that_serve(world):
    return {pod["workload"].removeprefix("frontend-")[0] for pod in world.traffic()["pods"]
            if pod["serving"] and pod["workload"].startswith("frontend-")}


def start_wrk(world, where):
    """As many requests as there is time for, until it is told to end."""
    host, path = where
    return world.start("wrk", "-t1", "-c8", "-d3600", "-H", f"Host: {host}", world.gateway + path,
                       stdout=open(world.directory / "wrk.out", "wb"))


def end_wrk(world, wrk):
    wrk.send_signal(signal.SIGINT)
    wrk.wait(timeout=60)
    said = (world.directory / "wrk.out").read_text()
    expect("requests in" in said, f"wrk said: {said}")
    expect("Socket errors" not in said and "Non-2xx" not in said, f"wrk said: {said}")
    return int(re.search(r"(\d+) requests in", said)[1])


def main():
    with World(traffic=True) as world:
        use_one_region(world, "8s")
        world.start_standin()
        world.start_celld()
        world.wait_converged(world.deploy("Declare everything"))
        wrk = start_wrk(world, world.public("frontend", "web", TARGET))
        check_serving(world, "frontend", "a", "1.0.0")

        # Flip, bake with the old slot warm, and the operator's way back within the bake.
        world.edit(CELL, "frontend:1.0.0", "frontend:1.1.0")
        world.deploy("Release frontend 1.1.0")
        wait_weights(world, "frontend", {"b": 100}, "the flip")
        check_serving(world, "frontend", "b", "1.1.0")
        expect(slots_that_serve(world) == {"a", "b"}, "the old slot is not warm within the bake")
        world.cellctl("rollback", "frontend", TARGET)
        wait_weights(world, "frontend", {"a": 100}, "the flip back")
        check_serving(world, "frontend", "a", "1.0.0")

        # Forward again, through the whole bake; then the old slot goes.
        world.edit(CELL, "frontend:1.1.0", "frontend:1.2.0")
        world.wait_converged(world.deploy("Release frontend 1.2.0"))
        wait_weights(world, "frontend", {"b": 100}, "the second flip")
        check_serving(world, "frontend", "b", "1.2.0")
        wait_until("the old slot is gone", lambda: slots_that_serve(world) == {"b"},
                   explain=world.explain)

        asked = end_wrk(world, wrk)
        shown = world.traffic()
        expect(shown["failed"] == 0, f"failed: {world.traffic_events('failed')[:5]}")
        expect(shown["requests"] >= asked, f"wrk asked {asked}, the gateway saw {shown['requests']}")
        check_safe(world)
        check_pods_stay(world, "frontend", TARGET)
        expect(not world.traffic_events("restarted"), f"{world.traffic_events('restarted')}")
        print(f"{asked} requests, none lost")


if __name__ == "__main__":
    main()
