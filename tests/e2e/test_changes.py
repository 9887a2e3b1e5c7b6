"""Commits: one that changes a component, one that changes nothing of celld's, one that is broken."""

import contract
from world import World, expect, wait_until


def touched(writes):
    return {w["body"]["spec"]["owner"]["componentName"] for w in writes
            if w["method"] in ("POST", "PUT") and "owner" in w["body"].get("spec", {})}


def main():
    with World() as world:
        world.use_small()
        world.start_standin()
        world.start_celld()
        world.wait_converged(world.deploy("Declare everything"))

        # One component changes: its cell is touched, on every target, and nothing else is.
        count = len(world.requests())
        world.edit("cells/orders/cell.yaml", "orders:1.0.0", "orders:1.1.0")
        world.wait_converged(world.deploy("Release orders 1.1.0"))
        names = touched(world.writes(count))
        expect(names and all(name.startswith("orders-api") for name in names), f"touched: {names}")
        live = world.api("GET", "/api/v1/namespaces/shop/releasebindings/orders-api-a-production-eu")
        release = world.api("GET", "/api/v1/namespaces/shop/componentreleases/"
                            + live["spec"]["releaseName"])
        expect(release["spec"]["workload"]["container"]["image"].endswith("orders:1.1.0"),
               "the new image is not what production-eu runs")

        # An unrelated file: nothing is written.
        count = len(world.requests())
        world.write("README.md", "Nothing that celld reads.\n")
        world.wait_converged(world.deploy("Add a README"))
        expect(not world.writes(count), "an unrelated file led to writes")

        # A broken cell: last good stays, the message says where, the other cell goes on.
        count = len(world.requests())
        world.edit("cells/orders/cell.yaml", "type: service", "tpye: service")
        world.edit("cells/stock/cell.yaml", "stock:1.0.0", "stock:1.1.0")
        world.deploy("Break orders, release stock 1.1.0")
        wait_until("stock 1.1.0 stands everywhere", lambda: all(
            world.node("stock", target)["state"] == "converged"
            and len([w for w in world.writes(count) if "stock-api-a-" in w["path"]]) >= 3
            for target in ("development", "production", "production-eu")), explain=world.explain)
        names = touched(world.writes(count))
        expect(names and all(name.startswith("stock-api") for name in names), f"touched: {names}")
        why = world.cellctl("why", "orders")
        expect("cells/orders/cell.yaml:9:7" in why and "tpye" in why, f"why says: {why}")

        # The next good commit heals.
        world.edit("cells/orders/cell.yaml", "tpye: service", "type: service")
        world.wait_converged(world.deploy("Mend orders"))
        contract.check(world.requests())


if __name__ == "__main__":
    main()
