"""A release that never becomes ready: rolled back, quarantined, not promoted; the fix goes through."""

from world import World, expect, wait_until


def image_of(world, target):
    binding = world.api("GET", f"/api/v1/namespaces/shop/releasebindings/stock-api-a-{target}")
    release = world.api("GET", "/api/v1/namespaces/shop/componentreleases/"
                        + binding["spec"]["releaseName"])
    return release["spec"]["workload"]["container"]["image"].rpartition(":")[2]


def main():
    with World() as world:
        world.use_small()
        world.start_standin()
        world.start_celld()
        world.wait_converged(world.deploy("Declare everything"))

        world.edit("cells/stock/cell.yaml", "stock:1.0.0", "stock:2.0.0-broken")
        world.deploy("Release a broken stock")
        wait_until("it is rolled back", lambda:
                   world.node("stock", "development")["state"] == "rolled-back",
                   explain=world.explain)
        expect(image_of(world, "development") == "1.0.0", "development does not run 1.0.0 again")
        expect(image_of(world, "production") == "1.0.0", "production was touched")
        why = world.cellctl("why", "stock")
        expect("quarantine" in why or "rolled back" in why, f"why says: {why}")
        entries = world.cellctl("quarantine", "list")
        expect("stock-api" in entries and "development" in entries, f"quarantine: {entries}")

        # Pushing the same content again changes nothing.
        count = len(world.requests())
        world.write("README.md", "again\n")
        world.deploy("Say something else")
        wait_until("the new revision is looked at", lambda:
                   len([r for r in world.requests()[count:] if r["method"] == "GET"]) > 20)
        expect(not [w for w in world.writes(count) if "stock-api" in w["path"]],
               "the quarantined content was tried again")

        # A fix that is pushed while a broken release is still waited for starts at once.
        world.edit("cells/stock/cell.yaml", "stock:2.0.0-broken", "stock:2.0.1-broken")
        world.deploy("Release another broken stock")
        wait_until("it is being waited for", lambda:
                   image_of(world, "development") == "2.0.1-broken", explain=world.explain)
        world.edit("cells/stock/cell.yaml", "stock:2.0.1-broken", "stock:2.0.2")
        world.wait_converged(world.deploy("Mend stock"))
        expect(image_of(world, "production-eu") == "2.0.2", "the fix is not everywhere")


if __name__ == "__main__":
    main()
