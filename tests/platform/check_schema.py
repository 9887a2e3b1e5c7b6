#!/usr/bin/env python3
"""Checks what the model answers against the OpenAPI description of the real API.

usage: check_schema.py TEST_CONFORMANCE OPENAPI_YAML

Runs the replay of the recordings, which writes every exchange with the model's answer, and holds
each answer to the schema of its operation and status. Objects are closed: a property that the
schema does not name is a violation. What the recorded answer violates too is not held against the
model: the recording is the truth. Exit status 77: no description here, skipped.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

SKIPPED = 77


def close(node):
    """Objects with named properties and nothing said of others take no others."""
    if isinstance(node, list):
        return [close(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: close(value) for key, value in node.items()}
    if isinstance(node.get("properties"), dict) and "additionalProperties" not in node:
        node["additionalProperties"] = False
    return node


class Description:
    def __init__(self, path):
        import yaml

        with open(path, encoding="utf-8") as file:
            raw = yaml.safe_load(file)
        self.raw = raw
        self.components = {name: self.merge(schema) for name, schema in
                           raw["components"]["schemas"].items()}
        self.operations = []
        for template, item in raw["paths"].items():
            pattern = re.sub(r"\{[^}]*\}", "[^/]+", template)
            for method, operation in item.items():
                if method in ("get", "put", "post", "delete", "patch"):
                    self.operations.append((method.upper(), re.compile(pattern + "$"), template,
                                            operation))
        self.validators = {}

    def merge(self, schema):
        """allOf becomes one object, so that it can be closed."""
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            return schema
        result = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema.get("allOf", []):
            part = self.resolve(part)
            for key, value in self.merge(part).items():
                if key == "properties":
                    result[key] = {**value, **result.get(key, {})}
                elif key == "required":
                    result[key] = sorted(set(value) | set(result.get(key, [])))
                else:
                    result.setdefault(key, value)
        for key in ("properties",):
            if isinstance(result.get(key), dict):
                result[key] = {name: self.merge(value) for name, value in result[key].items()}
        for key in ("items", "additionalProperties"):
            if isinstance(result.get(key), dict):
                result[key] = self.merge(result[key])
        return result

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            target = self.raw
            for part in node["$ref"].lstrip("#/").split("/"):
                target = target[part]
            node = target
        return node

    def find(self, method, path):
        best = None
        for known, pattern, template, operation in self.operations:
            if known == method and pattern.match(path):
                if best is None or template.count("{") < best[0].count("{"):
                    best = (template, operation)
        return best

    def validator(self, schema):
        import jsonschema

        key = json.dumps(schema, sort_keys=True, default=str)
        if key not in self.validators:
            whole = close({**self.merge(schema), "components": {"schemas": self.components}})
            whole["components"] = {"schemas": close(self.components)}
            whole.pop("additionalProperties", None) if "$ref" in schema else None
            self.validators[key] = jsonschema.Draft4Validator(whole)
        return self.validators[key]

    def schema_of(self, body):
        content = (self.resolve(body) or {}).get("content", {})
        return content.get("application/json", {}).get("schema")


def violations(validator, body):
    found = set()
    for error in validator.iter_errors(body):
        place = "/".join("*" if isinstance(part, int) else str(part) for part in error.path)
        if error.validator == "additionalProperties":
            for name in set(error.instance) - set(error.schema.get("properties", {})):
                found.add(f"/{place}: property {name} is not in the schema")
        elif error.validator == "required":
            for name in error.validator_value:
                if name not in error.instance:
                    found.add(f"/{place}: property {name} is missing")
        else:
            found.add(f"/{place}: {error.validator} {str(error.instance)[:60]}")
    return found


def check(description, row, counts):
    path = row["path"].split("?")[0]
    found = description.find(row["method"], path)
    if found is None:
        counts["no operation"] += 1
        return set()
    operation = found[1]
    ours = row["ours"]
    response = operation["responses"].get(str(ours["status"]))
    if response is None:
        counts["status not described"] += 1
        return set()
    schema = description.schema_of(response)
    if schema is None or ours["type"] != "application/json":
        counts["no schema"] += 1
        return set()
    validator = description.validator(schema)
    bad = violations(validator, ours["body"])
    if bad and row["recorded"] == ours["status"]:
        tolerated = violations(validator, row["answer"])
        counts["violations of the recordings too"] += len(bad & tolerated)
        bad -= tolerated
    counts["answers checked"] += 1
    return bad


def check_request(description, row, counts):
    found = description.find(row["method"], row["path"].split("?")[0])
    if found is None or not row.get("request") or row["recorded"] >= 300:
        return
    schema = description.schema_of(found[1].get("requestBody"))
    try:
        body = json.loads(row["request"])
    except ValueError:
        return
    if schema is None:
        return
    counts["requests checked"] += 1
    if violations(description.validator(schema), body):
        counts["requests the platform accepted against its schema"] += 1


def main():
    program, yaml_path = sys.argv[1:3]
    if not os.path.exists(yaml_path):
        print(f"skipped: {yaml_path} is not here")
        return SKIPPED
    try:
        import jsonschema  # noqa: F401
        import yaml  # noqa: F401
    except ImportError as error:
        print(f"skipped: {error}")
        return SKIPPED
    description = Description(yaml_path)
    counts = {key: 0 for key in (
        "answers checked", "violations of the recordings too", "no operation",
        "status not described", "no schema", "requests checked",
        "requests the platform accepted against its schema")}
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        dump = os.path.join(directory, "exchanges.jsonl")
        subprocess.run([program, "--filter", "conformance/recordings"], check=True,
                       stderr=subprocess.DEVNULL, env={**os.environ, "CONFORMANCE_DUMP": dump})
        with open(dump, encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                check_request(description, row, counts)
                for text in sorted(check(description, row, counts)):
                    failed += 1
                    print(f"{row['file']} line {row['line']}: {row['method']} {row['path']}: {text}")
    for key, value in counts.items():
        print(f"{value:6} {key}")
    print(f"{failed:6} violations of the model alone")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
