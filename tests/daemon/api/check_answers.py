#!/usr/bin/env python3
"""Holds daemon/api/openapi.yaml against real answers.

usage: check_answers.py [--act | --absent] STATUS_SOCKET ADMIN_SOCKET

Asks a running server every path that the file describes and validates status, media type and body.
What the file does not describe and the server answers, or the other way round, is a failure.
"""

import http.client
import json
import pathlib
import re
import socket
import sys
import urllib.parse

import jsonschema
import yaml

SOURCE = pathlib.Path(__file__).resolve().parents[3]


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def ask(path, method, target, body=None, headers=None):
    connection = Connection(path)
    connection.request(method, target, body=body, headers=headers or {})
    answer = connection.getresponse()
    kind = answer.getheader("Content-Type", "").split(";")[0]
    data = b"" if kind == "text/event-stream" else answer.read()
    connection.close()
    return answer.status, kind, data


def as_json_schema(node):
    """OpenAPI 3.0's nullable as JSON Schema says it; unknown members are refused, so that a field
    that is not described is seen."""
    if isinstance(node, list):
        return [as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {key: as_json_schema(value) for key, value in node.items()
              if key not in ("nullable", "description")}
    if node.get("nullable") and "type" in node:
        result["type"] = [node["type"], "null"]
    return result


class Checker:
    def __init__(self, status_path, admin_path):
        self.api = yaml.safe_load((SOURCE / "daemon/api/openapi.yaml").read_text())
        self.paths = {"status": status_path, "admin": admin_path}
        self.failures = 0
        self.checked = 0
        self.schemas = as_json_schema(self.api["components"]["schemas"])
        self.close()
        self.resolver = jsonschema.RefResolver("", {"components": {"schemas": self.schemas}})

    def close(self):
        """Refuses undescribed members of our own objects, except where the shape is OpenChoreo's or
        two schemas are put together."""
        for name, schema in self.schemas.items():
            if name not in ("Cell", "CellDetail", "Render", "Done", "Refusal", "Arguments"):
                self.close_one(schema)

    def close_one(self, schema):
        if not isinstance(schema, dict):
            return
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
            for member in schema["properties"].values():
                self.close_one(member)
        self.close_one(schema.get("items"))

    def fail(self, text):
        self.failures += 1
        print("FAILED", text)

    def check(self, template, method, target, body=None, where="status", headers=None):
        self.checked += 1
        status, kind, data = ask(self.paths[where], method, target, body, headers)
        described = self.api["paths"][template][method.lower()]["responses"].get(str(status))
        if described is None:
            self.fail(f"{method} {target}: status {status} is not described: {data[:300]!r}")
            return None
        if "$ref" in described:
            described = self.api["components"]["responses"][described["$ref"].split("/")[-1]]
        content = described["content"].get(kind)
        if content is None:
            self.fail(f"{method} {target}: media type {kind!r} is not described")
            return None
        if kind != "application/json":
            return data
        value = json.loads(data)
        schema = as_json_schema(content["schema"])
        validator = jsonschema.Draft4Validator(schema, resolver=self.resolver,
                                               format_checker=jsonschema.draft4_format_checker)
        for problem in sorted(validator.iter_errors(value), key=str):
            place = "/".join(str(part) for part in problem.absolute_path)
            self.fail(f"{method} {target}: at {place}: {problem.message[:300]}")
        return value


def check_all(checker, act):
    status = checker.check("/v1/status", "GET", "/v1/status")
    for cell in (status or {}).get("cells", []):
        name = cell["name"]
        checker.check("/v1/cells/{cell}", "GET", f"/v1/cells/{name}")
        checker.check("/v1/cells/{cell}/why", "GET", f"/v1/cells/{name}/why")
        for node in cell["targets"]:
            checker.check("/v1/cells/{cell}/why", "GET",
                          f"/v1/cells/{name}/why?target={node['target']}")
        rollouts = checker.check("/v1/cells/{cell}/rollouts", "GET", f"/v1/cells/{name}/rollouts")
        for entry in (rollouts or {}).get("rollouts", []):
            query = urllib.parse.urlencode({"cell": name, "target": entry["target"],
                                            "component": entry["component"]["name"]})
            checker.check("/v1/rollout", "GET", f"/v1/rollout?{query}")
            checker.check("/v1/rollout", "GET", f"/v1/rollout?{query}&rps=10")
        checker.check("/v1/diff", "GET", f"/v1/diff?cell={name}")
        checker.check("/v1/render", "GET", f"/v1/render?cell={name}")
    checker.check("/v1/cells/{cell}", "GET", "/v1/cells/no-such-cell")
    checker.check("/v1/cells/{cell}/why", "GET", "/v1/cells/no-such-cell/why")
    for path in checker.api["paths"]:
        if "{" not in path:
            checker.check(path, "GET", path)
    checker.check("/v1/plan", "GET", "/v1/plan?ref=nowhere")
    checker.check("/v1/cells/{cell}/rollouts", "GET", "/v1/cells/no-such-cell/rollouts")
    checker.check("/v1/rollouts", "GET", "/v1/rollouts?active=true")
    checker.check("/v1/rollouts", "GET", "/v1/rollouts?active=perhaps")
    checker.check("/v1/rollout", "GET", "/v1/rollout?cell=no&component=such&target=thing")
    checker.check("/v1/rollout", "GET", "/v1/rollout?cell=a&component=b&target=c&rps=-1")
    checker.check("/v1/events", "GET", "/v1/events?last=5",
                  headers={"Accept": "text/event-stream"})
    checker.check("/v1/history", "GET", "/v1/history?limit=3")
    checker.check("/v1/commands/{verb}", "POST", "/v1/commands/sync", "{}", "status")
    checker.check("/v1/commands/{verb}", "POST", "/v1/commands/dance", "{}", "admin")
    checker.check("/v1/commands/{verb}", "POST", "/v1/commands/sync", "[", "admin")
    if act:
        checker.check("/v1/commands/{verb}", "POST", "/v1/commands/sync", "{}", "admin")
        checker.check("/v1/commands/{verb}", "POST", "/v1/commands/apply", '{"hash": "old"}',
                      "admin")


def check_absent(checker):
    """Nothing is known: every question is answered so, and no cell is said not to be there."""
    status = checker.check("/v1/status", "GET", "/v1/status")
    for path, refused in (("/v1/cells/cart", 503), ("/v1/cells/cart/why", 503),
                          ("/v1/cells/cart/rollouts", 503), ("/v1/rollouts", 503),
                          ("/v1/rollout?cell=a&component=b&target=c", 503), ("/v1/plan", 503),
                          ("/v1/diff", 503), ("/v1/render", 503), ("/v1/gates", 503),
                          ("/v1/quarantine", 503), ("/readyz", 503), ("/v1/history", 200),
                          ("/v1/events", 200), ("/v1/version", 200), ("/healthz", 200)):
        answer, _, data = ask(checker.paths["status"], "GET", path)
        if answer != refused:
            checker.fail(f"{path}: {answer} instead of {refused}")
        elif refused == 503 and json.loads(data)["message"] != status["message"]:
            checker.fail(f"{path} does not say why: {data!r}")


def check_routes(checker):
    """The server's table and the file name the same paths."""
    source = (SOURCE / "daemon/socket/routes.c").read_text()
    table = source[source.index("routes[] = {"):source.index("static bool matches")]
    served = set()
    for row in re.findall(r"\{\{([^}]*)\},", table):
        parts = re.findall(r'"([^"]*)"', row)
        served.add("/" + "/".join(parts))
    described = {re.sub(r"\{[^}]*\}", "*", path) for path in checker.api["paths"]}
    for path in sorted(served - described):
        checker.fail(f"{path} is served and not described")
    for path in sorted(described - served):
        checker.fail(f"{path} is described and not served")


def main():
    checker = Checker(*[word for word in sys.argv[1:] if not word.startswith("--")])
    check_routes(checker)
    check_all(checker, "--act" in sys.argv)
    if "--absent" in sys.argv:
        check_absent(checker)
    print(f"{checker.checked} answers checked, {checker.failures} failures")
    return 1 if checker.failures else 0


if __name__ == "__main__":
    sys.exit(main())
