"""Holds every request that celld sent to the control plane's API: method, path, query and body
against the description of it, and the fields of the bodies against bodies that a real control plane
has taken (the recordings).

Used by the tests that run the whole example. As a program: contract.py REQUEST_LOG."""

import collections
import json
import pathlib
import re
import sys
import urllib.parse

SOURCE = pathlib.Path(__file__).resolve().parents[2]
RECORDINGS = SOURCE / "tests/platform/recordings"
MANUAL = SOURCE / "systemd/celld-openchoreo.7.in"
DESCRIPTION = SOURCE.parent / "shared/openchoreo/openchoreo-api.yaml"
sys.path.insert(0, str(SOURCE / "tests/platform"))

# Free-form for the server (each type says what it takes): fields below are not compared.
FREE = re.compile(r"/(parameters|componentTypeEnvironmentConfigs|openAPIV3Schema|template|"
                  r"runTemplate|preRenderValidations|resources)(/|$)")

# Fields that no recorded body has, and that the API's description names.
DESCRIBED = {
    "deploymentpipelines": ["/spec/promotionPaths/*/sourceEnvironmentRef/kind",
                            "/spec/promotionPaths/*/targetEnvironmentRefs/*/kind"],
    "workloads": ["/spec/endpoints/*/displayName"],
}


class Wrong(AssertionError):
    pass


def kind_of(path):
    """The collection that a request is about; of an action, its name."""
    parts = urllib.parse.urlsplit(path).path.strip("/").split("/")[2:]
    if parts[0] == "namespaces" and len(parts) > 2:
        parts = parts[2:]
    return parts[2] if len(parts) == 3 else parts[0]


def fields_of(value, path=""):
    """Every place in a body with the type of what stands there; names that people choose are *."""
    if isinstance(value, dict):
        yield path, "object"
        chosen = path.endswith(("/labels", "/annotations")) or path == "/spec/endpoints"
        for key, member in value.items():
            yield from fields_of(member, f"{path}/{'*' if chosen else key}")
    elif isinstance(value, list):
        yield path, "array"
        for member in value:
            yield from fields_of(member, f"{path}/*")
    else:
        yield path, type(value).__name__


def recorded_fields():
    fields = collections.defaultdict(set)
    for file in sorted(RECORDINGS.glob("*.jsonl")):
        for line in file.read_text().splitlines():
            row = json.loads(line)
            request = row["request"]
            body = request.get("body")
            if request["method"] in ("POST", "PUT") and isinstance(body, dict) \
                    and row["response"]["status"] < 300:
                fields[kind_of(request["path"])].update(fields_of(body))
    return fields


def compare_with_recordings(requests):
    """What in our bodies no real control plane was seen to take."""
    taken, problems = recorded_fields(), set()
    for request in requests:
        if not isinstance(request.get("body"), dict):
            continue
        kind = kind_of(request["path"])
        for path, type_name in fields_of(request["body"]):
            known = (path, type_name) in taken[kind] or path in DESCRIBED.get(kind, ())
            # Annotations are part of every object's metadata; some kinds were recorded without.
            if not known and not path.startswith("/metadata/annotations") and not FREE.search(path):
                problems.add(f"{kind}: {path} ({type_name}) is in no recorded body")
    return sorted(problems)


def hold_against_description(requests):
    """Problems; None where there is no description, or nothing to read it with."""
    if not DESCRIPTION.exists():
        return None
    try:
        from check_schema import Description, violations
        description = Description(DESCRIPTION)
        description.validator({})
    except ImportError:
        return None
    problems = set()
    for request in requests:
        url = urllib.parse.urlsplit(request["path"])
        found = description.find(request["method"], url.path)
        where = f"{request['method']} {url.path}"
        if found is None:
            problems.add(f"{where}: no such operation")
            continue
        template, operation = found
        shared = description.raw["paths"][template].get("parameters", [])
        known = {(parameter["in"], parameter["name"]) for parameter in
                 map(description.resolve, operation.get("parameters", []) + shared)}
        for name, _ in urllib.parse.parse_qsl(url.query):
            if ("query", name) not in known:
                problems.add(f"{where}: no query parameter {name}")
        body = description.resolve(operation.get("requestBody"))
        if request.get("body") is None:
            if body and body.get("required") and request["method"] != "GET":
                problems.add(f"{where}: a body is missing")
        else:
            schema = description.schema_of(body)
            if schema is None:
                problems.add(f"{where}: takes no body")
            else:
                problems |= {f"{request['method']} {template}{text}" for text in
                             violations(description.validator(schema), request["body"])}
    return sorted(problems)


def rights_that_lack(requests):
    """What the role that the manual gives to celld does not allow. Left out of it on purpose: making
    the namespace, and native manifests."""
    role = set(re.findall(r'- "([a-z]+:[a-z*]+)"', MANUAL.read_text()))
    role |= {"namespace:create", "clusterworkflow:create", "clusterworkflow:update"}
    verbs = {"GET": "view", "POST": "create", "PUT": "update", "DELETE": "delete"}
    lacking = set()
    for request in requests:
        parts = urllib.parse.urlsplit(request["path"]).path.strip("/").split("/")[2:]
        if parts[0] == "namespaces" and len(parts) > 2:
            parts = parts[2:]
        kind, verb = parts[0][:-1], verbs[request["method"]]
        if parts[-1] == "generate-release":
            kind = "componentrelease"
        if not role & {f"{kind}:{verb}", f"{kind}:*"}:
            lacking.add(f"{kind}:{verb} is not in the role that {MANUAL.name} gives")
    return sorted(lacking)


def check(requests):
    """Fails with all that is wrong with the requests of a run."""
    requests = [request for request in requests if "/standin/" not in request["path"]]
    problems = compare_with_recordings(requests) + rights_that_lack(requests)
    described = hold_against_description(requests)
    if described is None:
        print(f"skipped: requests against the API's description: no {DESCRIPTION.name} here, or "
              "no jsonschema and yaml for python3")
    problems += described or []
    if problems or not requests:
        raise Wrong("\n".join(["requests that the control plane may not take:", *problems]))
    print(f"{len(requests)} requests are as the control plane wants them")


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as log:
        check([json.loads(text) for text in log])
