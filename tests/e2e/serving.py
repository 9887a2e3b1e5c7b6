"""What blue-green and canary tests look at: weights and requests by slot, writes of weights, soaks."""

import json
import signal
import time

from world import BIN, expect, wait_until


def backends(world, component):
    """Requests and weights by slot of a component's route."""
    return {b["backend"].removeprefix(component + "-"): b for b in world.traffic()["backends"]
            if b["backend"] in (f"{component}-a", f"{component}-b")}


def weights(world, component):
    """Slots with weight."""
    return {slot: b["weight"] for slot, b in backends(world, component).items() if b["weight"]}


def wait_weights(world, component, wanted, what):
    wait_until(what, lambda: weights(world, component) == wanted,
               explain=lambda: f"{weights(world, component)}\n{world.explain()}")


def check_serving(world, component, slot, tag):
    """The slot gets requests now, and runs this image."""
    before = backends(world, component)[slot]["sent"]
    wait_until(f"slot {slot} serves",
               lambda: backends(world, component)[slot]["sent"] > before + 100)
    images = {pod["image"].rpartition(":")[2] for pod in world.traffic()["pods"]
              if pod["serving"] and pod["workload"].startswith(f"{component}-{slot}-")}
    expect(images == {tag}, f"slot {slot} runs {images}, not {tag}")


def written_weights(world, binding, since=0):
    """What celld wrote: the slots' weights of each write of the route's binding that was accepted
    and changed them, with its time in seconds. `since`: number of requests to leave out."""
    steps = []
    for request in world.writes(since):
        if request["status"] >= 300 or request["method"] not in ("PUT", "POST"):
            continue
        if (request["body"] or {}).get("metadata", {}).get("name") != binding:
            continue
        configs = request["body"]["spec"].get("componentTypeEnvironmentConfigs", {})
        found = {b["name"][-1]: b["weight"] for b in configs.get("backends", []) if b["weight"]}
        if not steps or steps[-1][1] != found:
            steps.append((request["ts"] / 1000, found))
    return steps


def start_load(world, where, rate=100):
    """Requests at a constant rate until it is told to end."""
    host, path = where
    return world.start(BIN / "choreo-load", "--url", world.gateway + path, "--host", host,
                       "--rate", str(rate), stdout=open(world.directory / "load.out", "wb"))


def end_load(world, load):
    """The counts as the client saw them."""
    load.send_signal(signal.SIGTERM)
    load.wait(timeout=60)
    return json.loads((world.directory / "load.out").read_text())


def check_pods_stay(world, component, target):
    """No pod of a slot that carries traffic goes, and no pod template changes: moving traffic
    restarts nothing."""
    carrying = set()
    for event in world.traffic_events("weights", "gone", "restarted"):
        if event["event"] == "weights":
            if all(name.startswith(component + "-") for name in event["weights"]):
                carrying = {slot for slot, weight in event["weights"].items() if weight}
        elif event["workload"].startswith(component + "-"):
            slot = event["workload"].split(f"-{target}")[0]
            expect(slot not in carrying, f"traffic was on {slot}: {event}")


def check_safe(world):
    dangers = world.api("GET", "/standin/stats")["dangers"]
    expect(not any(dangers.values()), f"something dangerous happened: {dangers}")


def kill_until(world, chance, done, pause, limit):
    """kill -9 of celld at random instants, `pause` seconds apart on the average, until done() or
    `limit` kills; returns how many. A soak that began anew with each start would never end."""
    kills = 0
    while kills < limit and not done():
        time.sleep(chance.uniform(0.02, 2 * pause))
        world.kill_celld()
        world.start_celld()
        kills += 1
    return kills
