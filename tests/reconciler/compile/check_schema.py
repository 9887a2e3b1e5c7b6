"""Holds the golden bodies against the control plane's API schema.

Usage: check_schema.py GOLDEN SCHEMA. Prints "skipped" where the schema (or PyYAML) is missing.
Stricter than the schema: a field that it does not name is an error, because the server drops such a
field without a word.
"""
import json
import re
import sys

TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "number": (int, float),
}


def check(schemas, schema, value, where, problems):
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    for part in schema.get("allOf", []):
        check(schemas, part, value, where, problems)
    kind = schema.get("type")
    if kind and (not isinstance(value, TYPES[kind]) or (kind == "integer" and isinstance(value, bool))):
        problems.append(f"{where}: {value!r} is no {kind}")
        return
    if "enum" in schema and value not in schema["enum"]:
        problems.append(f"{where}: {value!r} is none of {schema['enum']}")
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            problems.append(f"{where}: {value!r} does not match {schema['pattern']}")
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 1 << 30):
            problems.append(f"{where}: {value!r} has a wrong length")
    if isinstance(value, int) and not isinstance(value, bool):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            problems.append(f"{where}: {value} is out of range")
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 1 << 30):
            problems.append(f"{where}: {len(value)} items")
        for index, item in enumerate(value):
            check(schemas, schema.get("items", {}), item, f"{where}/{index}", problems)
    if isinstance(value, dict):
        check_object(schemas, schema, value, where, problems)


def check_object(schemas, schema, value, where, problems):
    properties = schema.get("properties", {})
    other = schema.get("additionalProperties")
    for key in schema.get("required", []):
        if key not in value:
            problems.append(f"{where}: {key} is missing")
    for key, item in value.items():
        if key in properties:
            check(schemas, properties[key], item, f"{where}/{key}", problems)
        elif isinstance(other, dict):
            check(schemas, other, item, f"{where}/{key}", problems)
        elif other is not True and (properties or "allOf" not in schema):
            problems.append(f"{where}: {key} is not in the schema")


def main(golden, schema):
    try:
        import yaml

        with open(schema, encoding="utf-8") as file:
            schemas = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (ImportError, OSError) as problem:
        print(f"skipped: {problem}")
        return 0
    schemas = schemas["components"]["schemas"]
    with open(golden, encoding="utf-8") as file:
        bodies = json.load(file)
    problems = []
    for name, body in bodies.items():
        check(schemas, schemas[name.split()[0]], body, name, problems)
    for problem in problems:
        print(problem)
    print(f"{len(bodies)} bodies, {len(problems)} problems")
    return 1 if problems or len(bodies) < 20 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
