"""kill -9 at random instants through blue-green rollouts and canaries under traffic: the same end as
without, no soak shortened or begun anew, no weight above its step's, no failed request but those of
a bad release. The instants are drawn from a seed that is printed; CELLD_E2E_KILLS says how many."""

import os
import random

from serving import (check_pods_stay, check_safe, end_load, kill_until, start_load, wait_weights,
                     written_weights)
from test_canary import (CELL, GOOD, ROUTE, TARGET, check_steps, release, use_canary,
                         use_one_cell)
from world import World, expect, wait_until

BAKE = 6


def check_bake(world, slot, other, count):
    """All traffic was on `slot` for the whole bake before the other slot was taken down."""
    moved = [at for at, found in written_weights(world, ROUTE, count) if found.get(slot) == 100]
    down = [w["ts"] / 1000 for w in world.writes(count)
            if w["status"] < 300 and w["method"] == "PUT"
            and w["path"].endswith(f"/releasebindings/stock-api-{other}-{TARGET}")
            and w["body"]["spec"].get("state") == "Undeploy"]
    expect(moved and down, f"no flip ({moved}) or no end ({down})")
    expect(down[0] - moved[0] >= BAKE, f"baked for {down[0] - moved[0]:.1f} s, not {BAKE}")


def converged_at(world, revision):
    def done():
        status = world.status()
        return status["condition"] == "converged" and status["revision"]["commit"] == revision
    return done


def rolled_back(world):
    return lambda: world.node("stock", TARGET)["state"] == "rolled-back"


class Story:
    """Releases one after the other, with kills all along."""

    def __init__(self, world, chance, kills):
        self.world, self.chance, self.left = world, chance, kills
        self.version = 0
        self.slot = "a"
        self.tag = "1.0.0"

    def go(self, suffix, done_at):
        """Releases the next version and kills until it has come to its end."""
        world = self.world
        self.version += 1
        old, self.tag = self.tag, f"1.{self.version}.0{suffix}"
        count = len(world.requests())
        revision = release(world, old, self.tag)
        done = done_at(world, revision)
        self.left -= kill_until(world, self.chance, done, 1.2, self.left)
        wait_until(f"{self.tag} comes to its end", done, explain=world.explain)
        return count

    def good(self, wanted):
        count = self.go("", lambda world, revision: converged_at(world, revision))
        other, self.slot = self.slot, "b" if self.slot == "a" else "a"
        check_steps(written_weights(self.world, ROUTE, count), self.slot, wanted)
        check_bake(self.world, self.slot, other, count)

    def bad(self):
        count = self.go("-errors20", lambda world, revision: rolled_back(world))
        wait_weights(self.world, "stock-api", {self.slot: 100}, "the traffic is back")
        other = "b" if self.slot == "a" else "a"
        shares = [found.get(other, 0) for _, found in written_weights(self.world, ROUTE, count)]
        rises = shares[:shares.index(max(shares)) + 1]
        expect(shares[-1] == 0 and set(shares) <= {0, 5, 20, 50} and rises == sorted(rises),
               f"weights of the bad release: {shares}")


def main():
    seed = int(os.environ.get("CELLD_E2E_SEED", "1"))
    kills = int(os.environ.get("CELLD_E2E_KILLS", "12"))
    print(f"CELLD_E2E_SEED={seed} CELLD_E2E_KILLS={kills}", flush=True)
    chance = random.Random(seed)
    with World(traffic=True) as world:
        use_one_cell(world, f"{{strategy: blue-green, bake: {BAKE}s, progressDeadline: 60s}}\n")
        world.start_standin()
        world.start_prometheus()
        world.start_celld()
        world.wait_converged(world.deploy("Declare everything"))
        load = start_load(world, world.public("stock-api", "http", TARGET))
        story = Story(world, chance, kills // 3)
        while True:
            story.good([100])
            if story.left <= 0:
                break

        use_canary(world, f"{BAKE}s")
        world.edit(CELL, "stock:1.0.0\n", f"stock:{story.tag}\n")
        world.wait_converged(world.deploy("Judge what is released from now on"))
        story.left = kills - kills // 3
        while story.left > 0:
            failed = world.traffic()["failed"]
            story.good(GOOD)
            expect(world.traffic()["failed"] == failed, "a good release failed requests")
            story.bad()
        counts = end_load(world, load)
        expect(counts["statuses"].get("none", 0) == 0, f"{counts}")
        expect(set(counts["workloads"]) <= {
            w["name"] for w in world.traffic()["workloads"]}, f"{counts}")
        check_safe(world)
        check_pods_stay(world, "stock-api", TARGET)
        print(f"{kills} kills, {counts['sent']} requests, {counts['failed']} failed by bad releases")


if __name__ == "__main__":
    main()
