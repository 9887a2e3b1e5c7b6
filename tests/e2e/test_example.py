"""The whole example: eight cells on four targets, in order, and nothing left to do afterwards."""

import contract
from world import World, expect

PHASES = [["platform", "product", "cart"], ["payment", "fulfillment", "marketing"], ["order"],
          ["frontend"]]
TARGETS = ["development", "testing", "production", "production-eu"]
DEPENDS = {"order": ["cart", "payment", "fulfillment", "platform"],
           "frontend": [cell for phase in PHASES[:3] for cell in phase]}


def first_and_last(writes):
    """When each (cell, target) got its first and its last write of a binding."""
    seen = {}
    for index, write in enumerate(writes):
        if "/releasebindings" in write["path"] and write["status"] < 300:
            spec = write["body"]["spec"]
            key = (spec["owner"]["projectName"].removeprefix("ecommerce-"), spec["environment"])
            first, _ = seen.get(key, (index, index))
            seen[key] = (first, index)
    return seen


def main():
    with World() as world:
        world.use_example()
        world.start_standin()
        world.start_celld()
        revision = world.deploy("Declare everything")
        world.wait_converged(revision)

        seen = first_and_last(world.writes())
        for target in TARGETS:
            for phase in PHASES:
                for cell in phase:
                    expect((cell, target) in seen, f"{cell} was never deployed on {target}")
        for target in TARGETS:
            for earlier, later in zip(PHASES, PHASES[1:]):
                for before in earlier:
                    for after in later:
                        expect(seen[before, target][1] < seen[after, target][0],
                               f"{after} began on {target} before {before} was done")
            for cell, needs in DEPENDS.items():
                for need in needs:
                    expect(seen[need, target][1] < seen[cell, target][0],
                           f"{cell} began on {target} before {need}, which it depends on")
        for phase in PHASES:
            for cell in phase:
                for before, after in zip(TARGETS, TARGETS[1:]):
                    expect(seen[cell, before][1] < seen[cell, after][0],
                           f"{cell} began on {after} before {before} was done")

        dangers = world.api("GET", "/standin/stats").get("dangers", {})
        expect(not any(dangers.values()), f"something dangerous happened: {dangers}")

        # A second look finds nothing to do.
        count = len(world.requests())
        world.stop_celld()
        world.start_celld("--once", wait=False)
        expect(world.celld.wait(timeout=120) == 0, "celld --once did not find it converged")
        again = world.writes(count)
        expect(not again, f"a second pass wrote: {[w['method'] + ' ' + w['path'] for w in again]}")
        expect(any(r["method"] == "GET" for r in world.requests()[count:]), "and it did look")
        contract.check(world.requests())


if __name__ == "__main__":
    main()
