"""A world for black-box tests: a git server (file), the stand-in control plane, celld and cellctl,
all of them the real programs, in a directory of their own that is gone afterwards."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("CELLD_BIN", SOURCE / "build/dev/bin"))
EXAMPLE = SOURCE / "config/example/monorepo"
# A deadline for conditions, never a measure: machines that run tests are slow at times.
DEADLINE = float(os.environ.get("CELLD_E2E_DEADLINE", "240"))
SPEED = os.environ.get("CELLD_E2E_SPEED", "10")


class Failed(AssertionError):
    pass


def wait_until(what, condition, deadline=DEADLINE, explain=None):
    """Polls until condition() is true and returns its value."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"waited {deadline} s in vain: {what}\n{explain() if explain else ''}")
        time.sleep(0.1)


def expect(condition, message):
    if not condition:
        raise Failed(message)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class World:
    def __init__(self, speed=SPEED, standin_arguments=(), interval="2s", idle_interval="2s",
                 traffic=False):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="celld-e2e."))
        self.speed = speed
        self.standin_arguments = list(standin_arguments)
        self.serves = traffic
        self.interval = interval
        self.idle_interval = idle_interval
        self.standin = self.celld = None
        self.url = self.gateway = self.metrics = None
        self.others = []
        self.settings = ""  # more of celld.yaml
        self.repository = self.directory / "monorepo"
        self.request_log = self.directory / "requests.jsonl"
        self.traffic_log = self.directory / "traffic.jsonl"

    def __enter__(self):
        self.environment = dict(os.environ, GIT_CONFIG_GLOBAL=str(self.directory / "gitconfig"),
                                GIT_CONFIG_SYSTEM="/dev/null")
        (self.directory / "gitconfig").write_text(
            "[user]\n\tname = Test\n\temail = test@localhost\n[init]\n\tdefaultBranch = main\n")
        self.run("git", "init", "--quiet", "--bare", self.directory / "origin.git")
        self.run("git", "init", "--quiet", self.repository)
        self.git("remote", "add", "origin", self.directory / "origin.git")
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            for name in ("celld.log", "standin.log"):
                path = self.directory / name
                if path.exists():
                    print(f"--- {name} (end)", *path.read_text(errors="replace").splitlines()[-60:],
                          sep="\n", file=sys.stderr)
            with contextlib.suppress(Exception):
                print("--- cellctl status", self.cellctl("status", check=False), sep="\n",
                      file=sys.stderr)
        for process in (*self.others, self.celld, self.standin):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- programs ---

    def run(self, *command, **options):
        done = subprocess.run([str(part) for part in command], env=self.environment, text=True,
                              capture_output=True, timeout=120, **options)
        expect(done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def start_standin(self):
        log = open(self.directory / "standin.log", "ab")
        serving = ["--traffic", "127.0.0.1:0", "--traffic-log", self.traffic_log]
        self.standin = subprocess.Popen(
            [BIN / "choreo-standin", "--listen", "127.0.0.1:0", "--speed", str(self.speed),
             "--request-log", self.request_log, *(serving if self.serves else []),
             *self.standin_arguments], stdout=subprocess.PIPE, stderr=log, text=True)
        self.url = self.where("listening")
        if self.serves:
            self.gateway, self.metrics = self.where("gateway"), self.where("metrics")

    def where(self, what):
        line = self.standin.stdout.readline()
        expect(line.startswith(f"{what} on "), f"the stand-in said {line!r}")
        return line.split()[-1]

    def start(self, *command, **options):
        """Any other program of this world; it is killed with it."""
        log = open(self.directory / f"{pathlib.Path(command[0]).name}.log", "ab")
        process = subprocess.Popen([str(part) for part in command], stderr=log,
                                   stdout=options.pop("stdout", log), **options)
        self.others.append(process)
        return process

    def start_celld(self, *arguments, wait=True):
        (self.directory / "celld.yaml").write_text(f"""
repository: {{url: "file://{self.directory}/origin.git", branch: main, interval: {self.interval}}}
platform: {{url: "{self.url}", activeInterval: 500ms, idleInterval: {self.idle_interval}}}
stateDirectory: {self.directory}/state
statusSocket: {{path: {self.directory}/celld.sock}}
adminSocket: {{path: {self.directory}/admin.sock}}
{self.settings}""")
        log = open(self.directory / "celld.log", "ab")
        self.celld = subprocess.Popen([BIN / "celld", "--config", self.directory / "celld.yaml",
                                       *arguments], stderr=log, stdout=log, env=self.environment)
        if wait:
            wait_until("celld answers", self.answers, 30)

    def answers(self):
        expect(self.celld.poll() is None, f"celld left with {self.celld.returncode}")
        return self.cellctl("version", check=False, code=True) == 0

    def kill_celld(self):
        self.celld.send_signal(signal.SIGKILL)
        self.celld.wait()

    def stop_celld(self):
        self.celld.terminate()
        return self.celld.wait(timeout=60)

    def cellctl(self, *arguments, check=True, code=False):
        done = subprocess.run(
            [BIN / "cellctl", "--socket", self.directory / "celld.sock", "--admin-socket",
             self.directory / "admin.sock", *arguments], text=True, capture_output=True, timeout=60)
        if code:
            return done.returncode
        if check:
            expect(done.returncode == 0, f"cellctl {arguments}: {done.stderr}{done.stdout}")
        return done.stdout + ("" if check else done.stderr)

    def status(self):
        return json.loads(self.cellctl("status", "-o", "json"))

    # --- the repository ---

    def git(self, *arguments):
        return self.run("git", "-C", self.repository, *arguments)

    def write(self, path, text):
        file = self.repository / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def edit(self, path, old, new):
        text = (self.repository / path).read_text()
        expect(old in text, f"{path} has no {old!r}")
        self.write(path, text.replace(old, new))

    def use_example(self):
        shutil.copytree(EXAMPLE, self.repository, dirs_exist_ok=True)

    def use_small(self):
        """Two cells, one behind the other, on development and production in two regions."""
        self.write("platform.yaml", """
apiVersion: celld.dev/v1
kind: Platform
metadata: {name: shop}
spec:
  namespace: shop
  projectPrefix: shop-
  regions:
    - {name: us, dataPlane: {kind: ClusterDataPlane, name: us}}
    - {name: eu, dataPlane: {kind: ClusterDataPlane, name: eu}}
  environments:
    - {name: development}
    - {name: production, production: true, regions: [us, eu]}
  phases:
    - {name: first, cells: [stock]}
    - {name: second, cells: [orders]}
""")
        for cell, depends in (("stock", ""), ("orders", "stock")):
            connection = "" if not depends else f"""
      connections:
        - {{name: stock, target: shop-stock, protocol: http, path: /stock}}
      env:
        - {{name: STOCK, value: "${{CHOREO_CONNECTION_stock}}"}}"""
            self.write(f"cells/{cell}/cell.yaml", f"""
apiVersion: celld.dev/v1
kind: Cell
metadata: {{name: {cell}}}
spec:
  dependsOn: [{depends}]
  components:
    - name: {cell}-api
      type: service
      image: registry.example/{cell}:1.0.0
      endpoints:
        - {{name: http, type: http, port: 8080, basePath: /{cell}, visibility: [namespace]}}{connection}
  rollout: {{strategy: rolling, bake: 1s, progressDeadline: 20s}}
""")

    def push(self, message, force=False):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        self.git("push", "--quiet", *(["--force"] if force else []), "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD").strip()

    def deploy(self, message):
        """Pushes, and tells celld, which takes orders when it has read its journal."""
        revision = self.push(message)
        wait_until("celld has read its journal", lambda: self.status()["message"] is None, 30)
        self.cellctl("sync")
        return revision

    # --- the control plane ---

    def api(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"},
                                         method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
            return json.loads(text) if text else None

    def requests(self):
        if not self.request_log.exists():
            return []
        lines = self.request_log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.endswith("}")]

    def writes(self, since=0):
        """celld's writes that the control plane accepted, in order."""
        return [request for request in self.requests()[since:]
                if request["method"] != "GET" and "/standin/" not in request["path"]]

    # --- the data plane ---

    def traffic(self):
        """What gateway and pods have counted."""
        with urllib.request.urlopen(self.metrics + "/traffic", timeout=30) as answer:
            return json.load(answer)

    def traffic_events(self, *kinds):
        if not self.traffic_log.exists():
            return []
        lines = self.traffic_log.read_text().splitlines()
        events = [json.loads(line) for line in lines if line.endswith("}")]
        return [event for event in events if event["event"] in kinds]

    def start_prometheus(self, interval="1s"):
        """A real Prometheus that scrapes the data plane; waits until it has done so."""
        port = free_port()
        settings = {"global": {"scrape_interval": interval, "scrape_timeout": interval},
                    "scrape_configs": [{"job_name": "hubble", "static_configs": [
                        {"targets": [self.metrics.removeprefix("http://")]}]}]}
        (self.directory / "prometheus.yml").write_text(json.dumps(settings))
        self.prometheus_url = f"http://127.0.0.1:{port}"
        self.start("prometheus", f"--config.file={self.directory}/prometheus.yml",
                   f"--storage.tsdb.path={self.directory}/prometheus",
                   f"--web.listen-address=127.0.0.1:{port}")

        def scrapes():
            with contextlib.suppress(OSError):
                return any(row["value"][1] == "1" for row in self.prometheus("up"))
        wait_until("Prometheus scrapes", scrapes, 60)
        self.settings += f"metrics: {{prometheus: {{url: {self.prometheus_url}}}}}\n"

    def prometheus(self, query):
        """The series of an instant query."""
        url = f"{self.prometheus_url}/api/v1/query?" + urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]["result"]

    def public(self, component, endpoint, target):
        """Host and path of an endpoint at the gateway; None while it has no route."""
        for route in self.api("GET", "/standin/live?kind=HTTPRoute"):
            labels = route["metadata"]["labels"]
            if (labels.get("openchoreo.dev/component") == component
                    and labels.get("openchoreo.dev/endpoint-name") == endpoint
                    and labels.get("openchoreo.dev/environment") == target):
                path = route["spec"]["rules"][0]["matches"][0]["path"]["value"]
                return route["spec"]["hostnames"][0], path
        return None

    # --- conditions ---

    def explain(self):
        return self.cellctl("status", check=False)

    def approve_all(self, status):
        for hold in status["holds"]:
            if hold["kind"] == "gate" and hold["command"]:
                self.cellctl("approve", hold["cell"], hold["environment"], hold["name"])

    def wait_converged(self, revision, deadline=DEADLINE):
        def converged():
            status = self.status()
            self.approve_all(status)
            broken = [c["broken"] for c in status["cells"] if (c["broken"] or "").startswith("cells/")]
            expect(not broken or status["revision"]["commit"] != revision, f"broken: {broken}")
            return (status["condition"] == "converged"
                    and status["revision"]["commit"] == revision)
        wait_until(f"converged at {revision[:7]}", converged, deadline, self.explain)

    def node(self, cell, target):
        for entry in self.status()["cells"]:
            if entry["name"] == cell:
                for node in entry["targets"]:
                    if node["target"] == target:
                        return node
        return {"state": "unknown"}  # celld has just been started
