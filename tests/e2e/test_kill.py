"""kill -9 at random moments of a deployment, of a bad release and of its fix: the same end, and no
object twice. The moments are drawn from a seed that is printed."""

import os
import random
import time

from world import World, expect, wait_until
from test_bad_release import image_of


def main():
    seed = int(os.environ.get("CELLD_E2E_SEED", "1"))
    kills = int(os.environ.get("CELLD_E2E_KILLS", "12"))
    print(f"CELLD_E2E_SEED={seed} CELLD_E2E_KILLS={kills}")
    chance = random.Random(seed)
    with World() as world:
        world.use_small()
        world.start_standin()
        world.start_celld()

        def kill_some(times):
            for _ in range(times):
                time.sleep(chance.uniform(0.02, 1.5))
                world.kill_celld()
                world.start_celld()

        revision = world.deploy("Declare everything")
        kill_some(kills // 2)
        world.wait_converged(revision)

        world.edit("cells/stock/cell.yaml", "stock:1.0.0", "stock:2.0.0-broken")
        world.deploy("Release a broken stock")
        kill_some(kills // 4)
        wait_until("it is rolled back", lambda:
                   world.node("stock", "development")["state"] == "rolled-back",
                   explain=world.explain)
        expect(image_of(world, "development") == "1.0.0", "development does not run 1.0.0 again")
        expect(image_of(world, "production") == "1.0.0", "production was touched")

        world.edit("cells/stock/cell.yaml", "stock:2.0.0-broken", "stock:2.0.1")
        revision = world.deploy("Mend stock")
        kill_some(kills - kills // 2 - kills // 4)
        world.wait_converged(revision)
        expect(image_of(world, "production-eu") == "2.0.1", "the fix is not everywhere")

        bindings = world.api("GET", "/api/v1/namespaces/shop/releasebindings?limit=100")["items"]
        pairs = [(b["spec"]["owner"]["componentName"], b["spec"]["environment"]) for b in bindings]
        expect(len(pairs) == len(set(pairs)) == 12, f"bindings: {sorted(pairs)}")
        dangers = world.api("GET", "/standin/stats").get("dangers", {})
        expect(not any(dangers.values()), f"something dangerous happened: {dangers}")


if __name__ == "__main__":
    main()
