#!/usr/bin/env python3
"""check_agreement.py CELLCTL SCHEMA_DIRECTORY: the JSON Schemas that editors use and celld itself
accept and refuse the same manifests, but for what a schema cannot know: names that must exist,
numbers that must fit each other, texts inside texts, and what YAML forbids."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import jsonschema
    import yaml
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

PLATFORM = """apiVersion: celld.dev/v1
kind: Platform
metadata: {name: shop}
spec:
  namespace: shop
  projectPrefix: shop-
  regions: [us, eu]
  environments: [{name: development}, {name: production, regions: [us, eu]}]
  phases: [{name: all, cells: [a]}]
"""
CELL = """apiVersion: celld.dev/v1
kind: Cell
metadata: {name: a}
spec:
  components:
    - {name: api, image: "r.example/api:1", endpoints: [{name: web, type: http, port: 80}]}
"""

# What celld refuses and a schema cannot see.
ACROSS = {"E_NUMBER", "E_FLAG", "E_RESOURCES", "E_SCALING", "E_JSON", "E_UNKNOWN_CONNECTION",
          "E_UNKNOWN_PROJECT", "E_UNKNOWN_ENVIRONMENT", "E_UNKNOWN_COMPONENT", "E_CONNECTION",
          "E_DISAGREEMENT", "E_METRIC", "E_DUPLICATE_NAME", "E_SELF_DEPENDENCY", "E_WEIGHTS", "E_NO_ENDPOINT",
          "E_ANALYSIS"}

SPECS = [  # what is appended to the cell's spec
    "resources: {limits: {cpu: 1, memory: 512Mi}, requests: {cpu: 0.5, memory: 1024}}",
    "resources: {limits: {cpu: 1000M}}", "resources: {limits: {memory: 512MB}}", "resources:",
    "env: {PORT: 8080}", "env: [{name: PORT, value: 8080}, {name: ON, value: true}]",
    "env: [{name: A, value: [1]}]", "env: [{name: A}]", "env: [PORT=1]", "env:", "env: []",
    "env: [{name: A, value: \"http://${CHOREO_CONNECTION_x}/y\"}]",
    "env: [{name: A, value: \"${OTHER}\"}]", "env: [{name: A, value: \"${CHOREO_CONNECTION_}\"}]",
    "connections: [{name: x, target: shop-a, protocol: HTTP, port: 80}]",
    "connections: [{name: x, target: shop-a, protocol: rest}]", "connections: [{name: x}]",
    "connections: [{name: x, target: shop-a, external: {url: \"https://a.example\"}}]",
    "connections: [{name: x, external: {url: \"https://a.example\", secret: \"a:key\"}}]",
    "connections: [{name: x, external: {url: \"https://a.example\", secret: \"a:b:c\"}}]",
    "connections: [{name: X_Y, target: shop-a}]",
    "configurations: [{name: r, type: config-map, mount_type: env variable, env_variables: {A: 1}}]",
    "configurations: [{name: r, type: config-map, mount_type: env variable}]",
    "configurations: [{name: r, type: config-map, mount_type: env variable, env_variables: [A]}]",
    "configurations: [{name: r, type: config-map, mount_type: file, env_variables: {A: b}}]",
    "configurations: [{name: r, type: config-map, mount_type: file, mount_path: /a/b, content: x}]",
    "configurations: [{name: r, type: config-map, mount_type: file, mount_path: a, content: x}]",
    "configurations: [{name: r, type: config-map, mount_type: file, content: x}]",
    "configurations: [{name: r, type: secret, mount_type: env variable, env_variables: {A: b}}]",
    "configurations: [{name: r, type: secret, mount_type: env variable, "
    "env_variables: {A: \"${K}\", B: \"${k:x}\"}}]",
    "configurations: [{name: r, type: configmap, mount_type: env, env_variables: {A: b}}]",
    "scaling: {min: 1, max: 5, cpu: 80}", "scaling: {max: 5, cpu: \"80\"}", "scaling: {mx: 5}",
    "replicas: 2", "replicas: -1", "replicas: 1001", "replicas:", "suspend: true", "suspend: 1",
    "rollout: {strategy: canary}", "rollout: {strategy: Canary}", "rollout: {bake: 5m, x-note: a}",
    "rollout: {strategy: canary, steps: [{weight: 5, soak: 2m}, {weight: 50, pause: true}]}",
    "rollout: {strategy: canary, steps: [{weight: 5}]}", "rollout: {strategy: canary, steps: []}",
    "rollout: {strategy: canary, steps: [{weight: 5, pause: false}]}",
    "rollout: {strategy: canary, steps: [5, 20]}", "rollout: {bake: 90}",
    "rollout: {strategy: rolling, steps: [{weight: 5, soak: 2m}]}",
    "rollout: {strategy: canary, preset: normal, steps: [{weight: 5, soak: 2m}]}",
    "rollout: {strategy: canary, preset: fast, analysis: {provider: workflow}}",
    "rollout: {strategy: canary, preset: fast, analysis: {provider: workflow, workflow: {}}}",
    "rollout: {strategy: canary, preset: fast, analysis: {provider: workflow, workflow: {name: a}}}",
    "rollout: {preset: normal}", "rollout: {strategy: blue-green, preset: fast}",
    "dependsOn: [\"*\"]", "dependsOn: \"*\"", "dependsOn: [\"*\", a]", "dependsOn: [A]",
    "dependsOn:", "description: 1.0", "description:", "description: [a]", "x-team: [a, b]",
    "team: a", "environments: {production: {replicas: 2}}", "environments: [{name: production}]",
    "targets: {production@eu: {replicas: 2}}", "targets: {production-eu: {replicas: 2}}",
    "access: [{role: dev, subject: {claim: groups, value: a}}]", "access: [{role: dev}]",
    "readiness: {http: {path: /, port: 80}, period: 5s}", "readiness: {http: /}",
    "stages: [{build: [a]}, {deploy: [deploy to development, deploy to production]}]",
]

GATES = ["{name: g, manual: {}}", "{name: g, manual: }", "{name: g, workflow: w}", "{name: g}",
         "{name: g, workflow: {name: w}, timeout: 1h}", "{name: g, manual: {}, workflow: w}",
         "{name: g, window: {from: \"09:00\", to: \"16:00\"}}", "{name: g, window: {from: 9}}"]

FILES = [  # .choreo/component.yaml
    "schemaVersion: 1.2\nendpoints: [{name: web_api, service: {port: 80}, type: REST}]\n",
    "schemaVersion: \"1.1\"\n", "schemaVersion: 1.3\n", "endpoints: []\n",
    "schemaVersion: 1.1\nendpoints: [{name: a, service: {port: 80}, type: rest}]\n",
    "schemaVersion: 1.1\nendpoints: [{name: a, service: {port: 80}, type: HTTP, "
    "networkVisibilities: [public]}]\n",
    "schemaVersion: 1.0\ndependencies: {serviceReferences: [{name: \"choreo:///a/b/c/d/v1/PUBLIC\", "
    "connectionConfig: 19d2648b, env: [{from: ServiceURL, to: URL}]}]}\n",
    "schemaVersion: 1.2\nconfigurations: {env: [{name: A, valueFrom: {configForm: {}}}], file: []}\n",
    "schemaVersion: 1.2\nconfigurations: {env: [{name: A, valueFrom: {secretKeyRef: {}}}]}\n",
    "schemaVersion: 1.2\nfiles: {}\n",
]


class Loader(yaml.SafeLoader):
    """YAML 1.2's core schema, as editors read it."""


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in (("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
                            ("int", "[-+]?[0-9]+", "-+0123456789"),
                            ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?",
                             "-+.0123456789"),
                            ("null", "~|null|Null|NULL|", ["~", "n", "N", ""])):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"),
                                 list(first))


def refused_by_celld(cellctl, files):
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            place = pathlib.Path(root, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        done = subprocess.run([cellctl, "validate", root], capture_output=True, text=True,
                              check=False)
    return set(re.findall(r"error: .*\[(E_\w+)\]", done.stdout)), done.stdout


def main():
    cellctl, directory = sys.argv[1:3]
    schemas = {}
    for kind in ("cell", "platform", "component"):
        schema = json.loads(pathlib.Path(directory, f"{kind}.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        schemas[kind] = jsonschema.Draft202012Validator(schema)
    cases = [("cell", f"{CELL}  {spec}\n", lambda text: {"platform.yaml": PLATFORM,
                                                          "cells/a/cell.yaml": text})
             for spec in SPECS]
    cases += [("platform", PLATFORM.replace("regions: [us, eu]}]", f"gates: [{gate}]}}]"),
               lambda text: {"platform.yaml": text, "cells/a/cell.yaml": CELL}) for gate in GATES]
    cases += [("platform", PLATFORM.replace("  regions: [us, eu]\n", "").replace(
        ", regions: [us, eu]", ""), lambda text: {"platform.yaml": text, "cells/a/cell.yaml": CELL})]
    bare = CELL.replace(", endpoints: [{name: web, type: http, port: 80}]", "")
    cases += [("component", file, lambda text: {"platform.yaml": PLATFORM,
                                                "cells/a/cell.yaml": bare,
                                                "cells/a/api/.choreo/component.yaml": text})
              for file in FILES]
    failed = 0
    for kind, text, files in cases:
        codes, output = refused_by_celld(cellctl, files(text))
        errors = [e.message[:100] for e in schemas[kind].iter_errors(yaml.load(text, Loader))]
        if (errors and not codes) or (codes - ACROSS and not errors):
            failed += 1
            print(f"{text}celld: {sorted(codes)}\nschema: {errors}\n{output}")
    print(f"{len(cases)} manifests, {failed} disagreements")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
