"""The daemon leaves in order: nothing stays allocated, no handle stays open, no thread runs on. Run by
the builds with sanitizers, whose programs say so with their exit status."""

from world import World, expect, wait_until


def main():
    with World() as world:
        world.use_small()
        world.start_standin()
        world.start_celld()
        world.wait_converged(world.deploy("Declare everything"))
        expect(world.stop_celld() == 0, "celld did not leave cleanly when all was converged")

        # In the middle of a rollout, with requests under way and streams open.
        world.edit("cells/stock/cell.yaml", "stock:1.0.0", "stock:1.1.0")
        world.start_celld()
        seen = len(world.requests())
        world.deploy("Release stock 1.1.0")
        wait_until("celld writes", lambda: world.writes(seen), 120)
        expect(world.stop_celld() == 0, "celld did not leave cleanly in the middle of a rollout")

        # Before anything was read.
        world.start_celld()
        expect(world.stop_celld() == 0, "celld did not leave cleanly at its start")


if __name__ == "__main__":
    main()
