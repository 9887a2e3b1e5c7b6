"""Blue-green of the frontend under load: the flip, the bake with the way back open, the flip back and
another flip lose no request, and no pod is restarted by moving traffic."""

import re
import signal

from world import World, expect, wait_until

CELL = "cells/frontend-cell/cell.yaml"
TARGET = "production"


def use_one_region(world):
    """The example on one production target, whose frontend goes blue-green."""
    world.use_example()
    text = (world.repository / "platform.yaml").read_text()
    text = re.sub(r"  environments:.*?(?=  phases:)",
                  "  environments:\n    - {name: production, production: true, regions: [us]}\n",
                  text, flags=re.DOTALL)
    world.write("platform.yaml", text)
    world.edit(CELL, "rollout: {bake: 5s}\n      components: {frontend: {replicas: 3}",
               "rollout: {bake: 8s}\n      components: {frontend: {replicas: 3, rollout: "
               "{strategy: blue-green}}")


def backends(world):
    """Requests and weights by slot of the frontend's public route."""
    return {b["backend"]: b for b in world.traffic()["backends"]
            if b["backend"].startswith("frontend-")}


def weights(world):
    return {name: b["weight"] for name, b in backends(world).items()}


def wait_weights(world, what, wanted):
    wait_until(what, lambda: {k: v for k, v in weights(world).items() if v} == wanted,
               explain=lambda: f"{weights(world)}\n{world.explain()}")


def check_serving(world, slot, tag):
    """The slot gets requests now, and runs this image."""
    before = backends(world)[slot]["sent"]
    wait_until(f"{slot} serves", lambda: backends(world)[slot]["sent"] > before + 100)
    images = {pod["image"].rpartition(":")[2] for pod in world.traffic()["pods"]
              if pod["serving"] and pod["workload"].startswith(f"{slot}-")}
    expect(images == {tag}, f"{slot} runs {images}, not {tag}")


def start_load(world, where):
    """wrk, until it is told to end."""
    host, path = where
    return world.start("wrk", "-t1", "-c8", "-d3600", "-H", f"Host: {host}", world.gateway + path,
                       stdout=open(world.directory / "wrk.out", "wb"))


def end_load(world, wrk):
    wrk.send_signal(signal.SIGINT)
    wrk.wait(timeout=60)
    said = (world.directory / "wrk.out").read_text()
    expect("requests in" in said, f"wrk said: {said}")
    expect("Socket errors" not in said and "Non-2xx" not in said, f"wrk said: {said}")
    return int(re.search(r"(\d+) requests in", said)[1])


def check_nothing_lost(world, asked):
    shown = world.traffic()
    expect(shown["failed"] == 0, f"failed: {world.traffic_events('failed')[:5]}")
    expect(shown["requests"] >= asked, f"wrk asked {asked}, the gateway saw {shown['requests']}")
    dangers = world.api("GET", "/standin/stats")["dangers"]
    expect(not any(dangers.values()), f"something dangerous happened: {dangers}")


def restarts(world):
    return {w["name"]: w["restarts"] for w in world.traffic()["workloads"]
            if w["name"].startswith("frontend-")}


def check_pods_stay(world):
    """Between two changes of weights no pod of a slot with weight comes or goes: traffic moves
    between pods that were there before and are there afterwards."""
    carrying = set()
    for event in world.traffic_events("weights", "gone"):
        if event["event"] == "weights":
            carrying = {slot for slot, weight in event["weights"].items() if weight}
        else:
            slot = event["workload"].split(f"-{TARGET}")[0]
            expect(slot not in carrying, f"a pod of {slot} went while it had traffic: {event}")


def main():
    with World(traffic=True) as world:
        use_one_region(world)
        world.start_standin()
        world.start_celld()
        world.wait_converged(world.deploy("Declare everything"))
        wrk = start_load(world, world.public("frontend", "web", TARGET))
        check_serving(world, "frontend-a", "1.0.0")

        # Flip, bake with the old slot warm, and the operator's way back within the bake.
        world.edit(CELL, "frontend:1.0.0", "frontend:1.1.0")
        world.deploy("Release frontend 1.1.0")
        wait_weights(world, "the flip", {"frontend-b": 100})
        check_serving(world, "frontend-b", "1.1.0")
        expect(any(p["serving"] and p["workload"].startswith("frontend-a-")
                   for p in world.traffic()["pods"]), "the old slot is not warm within the bake")
        counted = restarts(world)
        world.cellctl("rollback", "frontend", TARGET)
        wait_weights(world, "the flip back", {"frontend-a": 100})
        check_serving(world, "frontend-a", "1.0.0")
        expect({k: v for k, v in restarts(world).items() if k in counted} == counted,
               f"moving traffic restarted pods: {counted} {restarts(world)}")

        # Forward again, through the whole bake; then the old slot goes.
        world.edit(CELL, "frontend:1.1.0", "frontend:1.2.0")
        world.wait_converged(world.deploy("Release frontend 1.2.0"))
        wait_weights(world, "the second flip", {"frontend-b": 100})
        check_serving(world, "frontend-b", "1.2.0")
        wait_until("the old slot is gone", lambda: not any(
            p["serving"] and p["workload"].startswith("frontend-a-")
            for p in world.traffic()["pods"]), explain=world.explain)

        asked = end_load(world, wrk)
        check_nothing_lost(world, asked)
        check_pods_stay(world)
        expect(not world.traffic_events("restarted"), f"{world.traffic_events('restarted')}")
        print(f"{asked} requests, none lost")


if __name__ == "__main__":
    main()
