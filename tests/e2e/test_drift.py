"""Drift is repaired within an interval, and what others wrote stays."""

from world import World, expect, wait_until

NAMESPACE = "/api/v1/namespaces/shop"


def main():
    with World() as world:
        world.use_small()
        world.start_standin()
        world.start_celld()
        revision = world.deploy("Declare everything")
        world.wait_converged(revision)

        # A binding is edited by hand; a foreign label and annotation come along.
        path = f"{NAMESPACE}/releasebindings/stock-api-a-production"
        binding = world.api("GET", path)
        wanted = binding["spec"]["releaseName"]
        binding["spec"]["releaseName"] = "stock-api-a-000000000000"
        binding["metadata"].setdefault("labels", {})["team"] = "stock"
        binding["metadata"].setdefault("annotations", {})["openchoreo.dev/restartedAt"] = "today"
        world.api("PUT", path, {"metadata": {k: binding["metadata"][k] for k in
                                             ("name", "labels", "annotations")},
                                "spec": binding["spec"]})
        wait_until("the binding is put right", lambda:
                   world.api("GET", path)["spec"]["releaseName"] == wanted, explain=world.explain)
        metadata = world.api("GET", path)["metadata"]
        expect(metadata["labels"]["team"] == "stock", "a foreign label was taken away")
        expect(metadata["annotations"]["openchoreo.dev/restartedAt"] == "today",
               "a foreign annotation was taken away")

        # Our mark is removed.
        world.wait_converged(revision)
        binding = world.api("GET", path)
        del binding["metadata"]["labels"]["app.kubernetes.io/managed-by"]
        world.api("PUT", path, {"metadata": {k: binding["metadata"][k] for k in
                                             ("name", "labels", "annotations")},
                                "spec": binding["spec"]})
        wait_until("the mark is back", lambda: world.api("GET", path)["metadata"]["labels"].get(
            "app.kubernetes.io/managed-by") == "celld", explain=world.explain)

        # A component is deleted, with its releases and bindings.
        world.api("DELETE", f"{NAMESPACE}/components/orders-api-a")
        def is_back():
            try:
                component = world.api("GET", f"{NAMESPACE}/components/orders-api-a")
                world.api("GET", f"{NAMESPACE}/releasebindings/orders-api-a-production-eu")
            except OSError:
                return False
            return "deletionTimestamp" not in component["metadata"]
        wait_until("the component is back", is_back, explain=world.explain)
        world.wait_converged(revision)


if __name__ == "__main__":
    main()
