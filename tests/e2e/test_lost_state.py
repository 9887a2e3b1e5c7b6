"""The state directory is gone: celld finds again in git and on the control plane what there is, rolls
nothing out a second time, and keeps a release to go back to."""

import time

import contract
from world import World, expect, wait_until

STOCK = "cells/stock/cell.yaml"


def lose_state(world):
    """Moved away in one step: the fetch worker dies with celld, but at its own pace, and may make
    one more file where it was."""
    world.kill_celld()
    state = world.directory / "state"
    state.rename(world.directory / f"state.lost-{len(world.requests())}")


def settle(world, revision):
    """Converged, and it stays so for a few looks."""
    world.wait_converged(revision)
    looked = len(world.requests())
    wait_until("it looks on", lambda: len(world.requests()) > looked + 40)


def releases(world):
    return {binding["metadata"]["name"]: (binding["spec"].get("state", "Active"),
                                          binding["spec"]["releaseName"])
            for binding in world.api("GET", "/api/v1/namespaces/shop/releasebindings?limit=100")[
                "items"]}


def main():
    with World() as world:
        world.use_small()
        world.edit(STOCK, "strategy: rolling", "strategy: blue-green")
        # The first start only looks.
        world.start_standin()
        world.push("Declare everything")
        world.start_celld("--suspended")
        wait_until("it has looked", lambda: "cellctl apply --plan" in world.cellctl(
            "plan", check=False), explain=world.explain)
        time.sleep(1)
        expect(not world.writes(), f"it wrote: {world.writes()[:3]}")
        world.cellctl("resume", "--all")
        world.wait_converged(world.git("rev-parse", "HEAD").strip())

        # Its second release runs in the other slot.
        world.edit(STOCK, "stock:1.0.0", "stock:1.1.0")
        revision = world.deploy("Release stock 1.1.0")
        settle(world, revision)
        before, count = releases(world), len(world.requests())
        lose_state(world)
        world.start_celld()
        settle(world, revision)
        expect(not world.writes(count), f"it wrote: {[w['path'] for w in world.writes(count)]}")
        expect(releases(world) == before, "something was rolled out again")

        # A bad release goes back to what was found.
        world.edit(STOCK, "stock:1.1.0", "stock:1.2.0-broken")
        world.deploy("Release a broken stock")
        wait_until("it is rolled back", lambda: world.node(
            "stock", "development")["state"] == "rolled-back", explain=world.explain)
        live = releases(world)
        expect(all(live[name] == before[name] for name in before
                   if before[name][0] == "Active"), f"{before} became {live}")

        # In the middle of a rollout.
        world.edit(STOCK, "stock:1.2.0-broken", "stock:1.3.0")
        count = len(world.requests())
        revision = world.deploy("Release stock 1.3.0")
        wait_until("it is deployed somewhere", lambda: any(
            "releasebindings/stock-api-a-" in w["path"] for w in world.writes(count)))
        lose_state(world)
        world.start_celld()
        settle(world, revision)
        dangers = world.api("GET", "/standin/stats")["dangers"]
        expect(not any(dangers.values()), f"something dangerous happened: {dangers}")
        contract.check(world.requests())


if __name__ == "__main__":
    main()
