#!/usr/bin/env python3
"""cellctl as people use it, against a server with canned answers.

usage: test_cellctl.py CELLCTL STATUS_SOCKET ADMIN_SOCKET
"""

import http.server
import json
import os
import pathlib
import pty
import queue
import re
import select
import shutil
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

import yaml

SOURCE = pathlib.Path(__file__).resolve().parents[3]
EXAMPLE = SOURCE / "config/example/monorepo"
CELLCTL, STATUS, ADMIN = sys.argv[1:4]
failures = 0


def expect(condition, message):
    global failures
    if not condition:
        failures += 1
        print("FAILED", message)


def run(*words, sockets=True):
    paths = ["--socket", STATUS, "--admin-socket", ADMIN] if sockets else []
    return subprocess.run([CELLCTL, *words, *paths], text=True, capture_output=True, timeout=60)


# words, exit status, parts of stdout, parts of stderr
CASES = [
    (["status"], 0, ["ecommerce  held", "revision 4f1d20aa9b3c", "PHASE", "production-eu",
                     "waits: gate", "rolled-back", "order (broken)", "not healthy",
                     "cartservice: pod x is crashing", "did you mean dependsOn?",
                     "NEEDS A PERSON", "cellctl approve cart production release-approval"], []),
    (["status", "cart"], 0, ["cells/cart/cell.yaml", "cartservice", "2/2", "settled"], []),
    (["status", "nobody"], 1, [], ['there is no cell "nobody"', "cells: cart, order"]),
    (["why", "order"], 0, ["order on testing waits for fulfillment: emailservice is progressing"],
     []),
    (["why", "order", "production"], 0, ["order on production waits"], []),
    (["why"], 64, [], ["Usage: cellctl why CELL [TARGET]"]),
    (["plan"], 2, ["cart on production: deploy, waits for release-approval",
                   "cartservice  aaaaaaaaaaaa -> bbbbbbbbbbbb  canary in slot b: "
                   "5 % for 2 min, 50 % until promoted, then all; bakes for 10 min",
                   "create ReleaseBinding/cartservice-a-production",
                   '/metadata/annotations/description  "old" -> "new"',
                   "2 changes. To carry out exactly this: cellctl apply --plan 0123456789ab"], []),
    (["plan", "--ref", "same"], 0, ["nothing to do"], []),
    (["plan", "--ref=unknown"], 1, [], []),
    (["plan", "--ref", "nowhere"], 1, [], ['no revision "nowhere"']),
    (["diff"], 0, ["ReleaseBinding/cartservice-a-development", "drift", "(left as it is)",
                   "/spec/replicas  1 -> 3"], []),
    (["diff", "order"], 0, ["live is as git says"], []),
    (["diff", "nobody"], 1, [], ['there is no cell "nobody"']),
    (["apply", "--plan", "0123456789ab"], 0, ["it will be done"], []),
    (["apply", "--plan", "old"], 1, [], ["the world has moved since that plan"]),
    (["apply"], 64, [], ["--plan HASH is needed"]),
    (["sync"], 0, ["it will be done"], []),
    (["approve", "cart", "production", "release-approval"], 0, ["it will be done"], []),
    (["approve", "--all"], 0, ["it will be done"], []),
    (["approve", "--prune", "0123456789ab"], 0, ["it will be done"], []),
    (["approve"], 64, [], ["say what"]),
    (["approve", "cart", "--all"], 64, [], ["say what"]),
    (["rollback", "cart", "production", "-c", "cartservice"], 0, ["it will be done"], []),
    (["rollback", "cart"], 64, [], ["Usage: cellctl rollback CELL TARGET"]),
    (["rollout", "abort", "cart", "cartservice", "production"], 0, ["it will be done"], []),
    (["rollout", "promote", "--full", "cart", "cartservice", "production"], 0,
     ["it will be done"], []),
    (["rollout", "abort", "cart"], 64, [], ["Usage: cellctl rollout abort"]),
    (["suspend", "cart"], 0, ["it will be done"], []),
    (["suspend"], 64, [], ["name a cell, or --all"]),
    (["resume", "--all"], 0, ["it will be done"], []),
    (["quarantine", "list"], 0,
     ["order/checkoutservice on production-eu: eeeeeeeeeeee since 2026-11-22T20:40:00Z",
      "reason   not ready in 10m", "evidence 0/3 replicas",
      "cellctl quarantine clear order -c checkoutservice -t production-eu --digest eeeeeeeeeeee"],
     []),
    (["quarantine", "clear", "order", "--target", "production-eu"], 0, ["it will be done"], []),
    (["quarantine"], 64, [], ["quarantine list", "quarantine clear"]),
    (["events", "-n", "2"], 0, ["cart/cartservice on production  event 24", "event 25"], []),
    (["events", "--after", "23", "nobody"], 0, [""], []),
    (["history", "cart", "--events", "-n", "1"], 0, ["event 25"], []),
    (["history"], 0, ["2026-11-22T20:00:00Z  order/checkoutservice  testing  3    dddddddddddd",
                      "rolled-back", "rollback", "4 min", "git 4f1d20aa",
                      "12 of 80 bad (15.00 %)", "under way", "alice (uid 1000)"], []),
    (["history", "order", "-n", "1"], 0, ["alice (uid 1000)"], []),
    (["history", "cart"], 0, ["no rollout is kept"], []),
    (["history", "nobody"], 1, [], ['there is no cell "nobody"', "cells: cart, order"]),
    (["history", "-n", "x"], 64, [], ["a number"]),
    (["rollout", "get"], 0, ["order/checkoutservice\n", "step 2 of 3, 20 %",
                             "slot b   next   dddddddddddd (4f1d20aa)  1/1 ready   20 %",
                             "3 min 40 s of 5 min, 1 min 20 s left",
                             "error-rate: new 3 of 812 bad (0.37 %), stable 9 of 3204",
                             "evidence 12.2 of 20, then it passes", "soak and evidence"], []),
    (["rollout", "get", "cart"], 0, ["cart/cartservice", "idle  aaaaaaaaaaaa"], []),
    (["rollout", "get", "cart", "cartservice"], 0, ["promoted without proof", "2/2 ready"], []),
    (["rollout", "get", "cart", "none"], 0, ["no such component"], []),
    (["rollout", "get", "chart"], 1, [], ['there is no cell "chart"', "did you mean cart?"]),
    (["rollout", "plan", "order", "checkoutservice", "production"], 0,
     ["order/checkoutservice on production: canary", "10 requests/s, measured at 2026-11-22",
      "1 % bad", "never", "1 % of bad requests can be ruled out in 149 s",
      "All steps give the new release about 660 requests: 1 % bad can be ruled out."], []),
    (["rollout", "plan", "order", "checkoutservice", "production", "--rps", "12.5"], 0,
     ["12.5 requests/s, as given"], []),
    (["rollout", "plan", "order", "checkoutservice", "production", "--rps=x"], 1, [],
     ["requests a second"]),
    (["rollout", "plan", "order", "checkout", "production"], 1, [],
     ["there is no component", "did you mean checkoutservice?"]),
    (["rollout", "plan", "order", "checkoutservice", "prod"], 1, [],
     ["did you mean production?"]),
    (["rollout", "plan", "order", "checkoutservice", "zebra"], 1, [],
     ["targets: development, production, production-eu"]),
    (["reload"], 1, [], ["celld.yaml:3:1: unknown field"]),
    (["version"], 0, ["cellctl ", "celld "], []),
    (["dance"], 64, [], ["there is no command dance"]),
    (["status", "--dance"], 64, [], ["unknown option --dance"]),
    (["status", "-o", "xml"], 64, [], ["unknown format xml"]),
    (["status", "a", "b"], 64, [], ["Usage: cellctl status"]),
    (["status", "--help"], 0, ["--watch", "Usage: cellctl status [CELL]"], []),
    (["help", "quarantine"], 0, ["quarantine list", "quarantine clear"], []),
    (["help"], 0, ["Show all cells", "--admin-socket"], []),
    (["-o", "json", "why", "order"], 0, ['"cell": "order"'], []),
    (["completion", "cells"], 0, ["cart\norder\n"], []),
]


def test_cases():
    for words, code, out, err in CASES:
        done = run(*words)
        expect(done.returncode == code, f"{words}: status {done.returncode}\n{done.stderr}")
        for part in out:
            expect(part in done.stdout, f"{words}: {part!r} is not in\n{done.stdout}")
        for part in err:
            expect(part in done.stderr, f"{words}: {part!r} is not in\n{done.stderr}")
        expect(not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", done.stdout + done.stderr),
               f"{words}: control characters in the output")


# words, verb, arguments
COMMANDS = [
    (["sync"], "sync", {}),
    (["apply", "--plan", "abc"], "apply", {"hash": "abc"}),
    (["approve", "cart", "production"], "approve", {"cell": "cart", "environment": "production"}),
    (["approve", "cart", "production", "g"], "approve",
     {"cell": "cart", "environment": "production", "gate": "g"}),
    (["approve", "--all"], "approve", {"all": True}),
    (["approve", "--prune=abc"], "approve", {"prune": "abc"}),
    (["rollback", "cart", "testing"], "rollback", {"cell": "cart", "target": "testing"}),
    (["rollback", "-ccartservice", "cart", "testing"], "rollback",
     {"cell": "cart", "target": "testing", "component": "cartservice"}),
    (["suspend", "cart"], "suspend", {"cell": "cart"}),
    (["suspend", "--all"], "suspend", {}),
    (["resume", "--", "-cart"], "resume", {"cell": "-cart"}),
    (["quarantine", "clear", "--all"], "quarantine", {"clear": True}),
    (["quarantine", "clear", "cart", "-c", "x", "-t", "testing", "--digest", "d"], "quarantine",
     {"clear": True, "cell": "cart", "component": "x", "target": "testing", "digest": "d"}),
    (["rollout", "retry", "cart", "x", "testing"], "rollout",
     {"action": "retry", "cell": "cart", "component": "x", "target": "testing"}),
    (["rollout", "promote", "cart", "x", "testing", "--full"], "rollout",
     {"action": "promote-full", "cell": "cart", "component": "x", "target": "testing"}),
]


def test_commands():
    for words, verb, arguments in COMMANDS:
        before = words.index("--") if "--" in words else len(words)
        words = words[:before] + ["-o", "json", "--socket", STATUS, "--admin-socket", ADMIN] + \
            words[before:]
        done = subprocess.run([CELLCTL, *words], text=True, capture_output=True, timeout=60)
        expect(done.returncode == 0, f"{words}: {done.stderr}")
        got = json.loads(done.stdout or "{}")
        expect((got.get("verb"), got.get("arguments")) == (verb, arguments), f"{words}: {got}")


def test_events_quiet():
    done = run("events", "--after", "23", "nobody")
    expect(done.stdout == "", f"events of another cell: {done.stdout}")
    done = run("events", "-n", "2")
    expect("event 23" not in done.stdout, "more than the last two")


def test_formats():
    for words in (["status"], ["status", "cart"], ["diff"], ["quarantine", "list"], ["history"],
                  ["plan", "--ref", "same"], ["version"], ["sync"]):
        as_json = json.loads(run(*words, "-o", "json").stdout)
        as_yaml = yaml.safe_load(run(*words, "-o", "yaml").stdout)
        # PyYAML reads times as dates; ours are texts and quoted.
        expect(as_json == as_yaml, f"{words}: JSON and YAML differ\n{as_json}\n{as_yaml}")
    documents = list(yaml.safe_load_all(run("render", "cart").stdout))
    expect(documents[0]["spec"] == {"deploymentPipelineRef": "default", "on": "yes",
                                    "port": "7070", "note": "two\nlines"}, f"render: {documents}")
    lines = run("events", "-o", "json").stdout.splitlines()
    expect([json.loads(line)["sequence"] for line in lines] == list(range(6, 26)), "events as JSON")


def test_colour():
    expect("\033[32m" in run("status", "--colour", "always").stdout, "no colour with always")
    expect("\033[" not in run("status").stdout, "colour without a terminal")


def read_until(fd, part, seconds=30):
    data = b""
    end = time.monotonic() + seconds
    while part not in data and time.monotonic() < end:
        if select.select([fd], [], [], 1)[0]:
            try:
                data += os.read(fd, 65536)
            except OSError:
                break
    return data


def on_terminal(*words):
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.environ.pop("NO_COLOR", None)
        os.execv(CELLCTL, [CELLCTL, *words, "--socket", STATUS])
    return pid, fd


def test_watch():
    pid, fd = on_terminal("status", "-w")
    data = read_until(fd, b"NEEDS A PERSON")
    data += read_until(fd, b"\033[H", 10)
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    os.close(fd)
    expect(b"\033[32m" in data and b"\033[K" in data, "no colour or no redraw on a terminal")
    # The subject of the canned commit holds an escape sequence.
    expect(b"\\x1b[31m" in data, "a commit's subject steers the terminal")


class Told(http.server.BaseHTTPRequestHandler):
    """A celld whose events come when the test says so."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def do_GET(self):
        self.server.asked.put(self.path)
        self.send_response(200)
        if not self.path.startswith("/v1/events"):
            body = json.dumps({"version": self.server.version, "rollouts": []}).encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.flush()
        for number in iter(self.server.events.get, None):
            self.wfile.write(f'id: {number}\ndata: {{"sequence": {number}}}\n\n'.encode())
            self.wfile.flush()
        self.close_connection = True


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    asked, events, version = queue.Queue(), queue.Queue(), 1

    def get_request(self):
        return super().get_request()[0], ("", 0)


def test_watch_follows_events():
    directory = tempfile.mkdtemp(prefix="celld-told.")
    path = os.path.join(directory, "celld.sock")
    with UnixServer(path, Told) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        child = subprocess.Popen([CELLCTL, "rollout", "get", "-w", "-o", "json", "--socket", path],
                                 stdout=subprocess.PIPE)

        def until(wanted):
            seen = []
            while not seen or wanted not in seen[-1]:
                seen.append(server.asked.get(timeout=60))
            return seen

        try:
            expect(until("/v1/events")[-1] == "/v1/events", "the stream begins with what comes")
            for number in (7, 8):
                server.version = number
                server.events.put(number)
                until("/v1/rollouts")
                read_until(child.stdout.fileno(), f'"version": {number}'.encode())
            server.events.put(None)  # celld starts anew: the stream breaks
            expect(until("/v1/events")[-1] == "/v1/events?after=8", "not taken up where it broke")
        finally:
            child.terminate()
            child.wait()
            server.events.put(None)
            server.shutdown()
            shutil.rmtree(directory)


class Retold(http.server.BaseHTTPRequestHandler):
    """A celld that answers as the test says."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def do_GET(self):
        body = json.dumps(self.server.answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def told(answer, *words):
    """What cellctl prints of this answer."""
    directory = tempfile.mkdtemp(prefix="celld-retold.")
    path = os.path.join(directory, "celld.sock")
    with UnixServer(path, Retold) as server:
        server.answer = answer
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            return subprocess.run([CELLCTL, *words, "--socket", path], text=True,
                                  capture_output=True, timeout=60).stdout
        finally:
            server.shutdown()
            shutil.rmtree(directory)


def test_rollouts_say_what_decides():
    words = ["rollout", "plan", "order", "checkoutservice", "production"]
    plan = json.loads(run(*words, "-o", "json").stdout)
    plan.update(strategy="blue-green", steps=[], message="there is no stable release yet",
                prospects=[dict(plan["prospects"][0], weight=100)])
    text = told(plan, *words)
    expect("bake  2 min  5 % bad" in text and "All steps" not in text, f"blue-green: {text}")
    expect(text.count("no stable release yet") == 1, f"said twice: {text}")

    words = ["rollout", "get", "order"]
    shown = json.loads(run(*words, "-o", "json").stdout)
    rollout = next(entry["component"]["rollout"] for entry in shown["rollouts"]
                   if (entry["component"]["rollout"] or {}).get("active"))
    rollout["analysis"].update(verdict="no-data", windows=0)
    text = told(shown, *words)
    expect("the metrics show no requests of it (0 looks" in text, f"no data: {text}")
    rollout["analysis"].update(verdict="insufficient", windows=1)
    rollout["step"] = 2
    text = told(shown, *words)
    expect("this step is not judged (1 look" in text, f"a step without analysis: {text}")
    rollout["step"] = 3
    text = told(shown, *words)
    expect("the time is over and nothing is proven" in text, f"behind the steps: {text}")


def test_history_says_what_decided():
    numbers = "error-rate: 0 of 0 bad"

    def event(kind, message, verdict, ms):
        return {"sequence": ms, "time": f"2026-11-22T20:00:{ms // 1000:02}Z", "type": kind,
                "level": "notice", "cell": "order", "component": "api", "target": "testing",
                "rollout": "api/testing/1", "message": message,
                "data": {"duration_ms": ms, "release": "dddddddddddd", "strategy": "canary",
                         "analysis": {"verdict": verdict, "message": numbers}}}

    begun = event("rollout-started", "begins", "continue", 0)
    for kind, verdict, message, decides in (
            ("rollout-step", "continue", "5 % of the traffic", numbers),
            ("rollout-baked", "pass", "is stable", numbers),
            ("rollout-baked", "no-data", "is stable unjudged", "is stable unjudged"),
            ("rolled-back", "rollback", "back on release a", numbers),
            ("rolled-back", "pass", "aborted by an operator", "aborted by an operator"),
            ("rolled-back", "provider-error", "the metrics are away", "the metrics are away")):
        after = event("rollout-drift", "somebody changed it", "continue", 20000)
        text = told({"events": [begun, event(kind, message, verdict, 9000),
                                *([after] if kind != "rollout-step" else [])]}, "history")
        line = text.splitlines()[-1]
        expect(line.endswith("  " + decides), f"{kind}, {verdict}: {text}")
        expect(("9 s" in line) == (kind != "rollout-step"), f"how long it took: {text}")


def test_needs_name_their_cell():
    status = json.loads(run("status", "-o", "json").stdout)
    status["cells"] = []
    for cell, message, told_as in (
            ("cart", "cartservice is held: why", "cart on testing: cartservice is held: why"),
            ("y", "mid is held: aborted by us", "y on testing: mid is held: aborted by us"),
            ("cart", "cart is held: why", "cart on testing: cart is held: why"),
            ("cart", "cart on testing waits", "cart on testing waits"),
            ("cart", "gate tests of cart before testing waits", "gate tests of cart before"),
            ("cart", "cells/cart/cell.yaml:7:3: what is wrong", "cells/cart/cell.yaml:7:3: what"),
            ("cart", "cartservice: x.yaml: no", "cart on testing: cartservice: x.yaml: no")):
        status["holds"] = [{"cell": cell, "target": "testing", "message": message, "command": None}]
        lines = told(status, "status").splitlines()
        expect(any(line.startswith("  " + told_as) for line in lines), f"{message}: {lines}")


def test_json_on_terminal():
    pid, fd = on_terminal("status", "-o", "json")
    data = read_until(fd, b"waits for production to have baked")
    os.waitpid(pid, 0)
    os.close(fd)
    expect(b"\x1b" not in data, "escape characters on a terminal")


def test_follow():
    with subprocess.Popen([CELLCTL, "events", "-f", "-n", "3", "--socket", STATUS],
                          stdout=subprocess.PIPE) as child:
        data = read_until(child.stdout.fileno(), b"event 25")
        child.terminate()
    expect(b"event 23" in data and b"event 22" not in data, f"following: {data}")


def test_without_daemon():
    directory = tempfile.mkdtemp(prefix="celld-none.")
    try:
        path = os.path.join(directory, "celld.sock")
        done = subprocess.run([CELLCTL, "status", "--socket", path], text=True,
                              capture_output=True, timeout=60)
        expect(done.returncode == 1 and "celld is not running here" in done.stderr and
               path in done.stderr, f"no socket: {done.stderr}")
        open(path, "w").close()
        done = subprocess.run([CELLCTL, "status", "--socket", path], text=True,
                              capture_output=True, timeout=60)
        expect(done.returncode == 1 and "nobody answers" in done.stderr, f"no one: {done.stderr}")
        done = subprocess.run([CELLCTL, "status", "--socket", "/" + "x" * 120], text=True,
                              capture_output=True, timeout=60)
        expect("too long" in done.stderr, f"long path: {done.stderr}")
        done = subprocess.run([CELLCTL, "version", "--socket", path], text=True,
                              capture_output=True, timeout=60)
        expect(done.returncode == 1 and "not reached" in done.stdout, "version without a daemon")
    finally:
        shutil.rmtree(directory)


def test_closed_pipe():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([CELLCTL, "status", "--socket", STATUS], stdout=writer,
                          stderr=subprocess.PIPE, timeout=60)
    os.close(writer)
    expect(done.returncode == 1, f"a closed pipe: {done.returncode}")


def test_validate():
    done = run("validate", str(EXAMPLE), sockets=False)
    expect(done.returncode == 0 and "8 cells, 0 broken: 0 errors" in done.stdout,
           f"the example is sound: {done.stdout}{done.stderr}")
    directory = tempfile.mkdtemp(prefix="celld-validate.")
    try:
        copy = pathlib.Path(directory) / "monorepo"
        shutil.copytree(EXAMPLE, copy)
        git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", "-C", str(copy)]
        subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-q", "-m", "sound"], check=True)
        cell = next(copy.glob("cells/*/cell.yaml"))
        cell.write_text(cell.read_text() + "\nnonsense: true\n")
        done = run("validate", str(copy), sockets=False)
        expect(done.returncode == 1, f"a broken cell: {done.returncode}")
        expect(re.search(r"^cells/[^:]+/cell.yaml:\d+:\d+: error: ", done.stdout, re.M),
               f"no position: {done.stdout}")
        done = run("validate", str(copy), "--format", "sarif", sockets=False)
        expect(json.loads(done.stdout)["version"] == "2.1.0", "SARIF")
        done = run("validate", str(copy), "-o", "json", sockets=False)
        expect(done.returncode == 1 and json.loads(done.stdout), "JSON")
        done = run("validate", str(copy), "--ref", "main", sockets=False)
        expect(done.returncode == 0, f"the commit is sound: {done.stdout}{done.stderr}")
        subprocess.run([*git, "commit", "-q", "-a", "-m", "broken"], check=True)
        done = run("validate", str(copy), "--ref", "main", sockets=False)
        expect(done.returncode == 1 and "nonsense" in done.stdout, f"the commit: {done.stdout}")
        done = run("validate", str(copy), "--ref", "nowhere", sockets=False)
        expect(done.returncode == 1 and 'no branch, tag or commit "nowhere"' in done.stderr,
               f"unknown ref: {done.stderr}")
        cell.unlink()
        cell.symlink_to("/etc/passwd")
        done = run("validate", str(copy), sockets=False)
        expect(done.returncode == 1 and "symbolic link" in done.stdout and "1 broken" in done.stdout,
               f"link: {done.stdout}{done.stderr}")
        other = next(path for path in copy.glob("cells/*/cell.yaml") if path != cell)
        other.write_text("kind: Cell\nspec: [\n")
        done = run("validate", str(copy), sockets=False)
        expect(done.returncode == 1 and "symbolic link" in done.stdout
               and f"{other.relative_to(copy)}:3:1: error:" in done.stdout,
               f"all at once: {done.stdout}{done.stderr}")
        (copy / "platform.yaml").unlink()
        cell.unlink()
        done = run("validate", str(copy), sockets=False)
        expect(done.returncode == 1, "no platform")
        done = run("validate", directory + "/none", sockets=False)
        expect(done.returncode == 1 and "cannot read" in done.stderr, f"none: {done.stderr}")
    finally:
        shutil.rmtree(directory)


def test_generated():
    for shell, program in (("bash", "bash"), ("zsh", "zsh"), ("fish", "fish")):
        script = run("completion", shell, sockets=False).stdout
        expect("quarantine" in script and "--watch" in script or shell == "fish", shell)
        if shutil.which(program):
            done = subprocess.run([program, "-n"], input=script, text=True, capture_output=True,
                                  timeout=60)
            expect(done.returncode == 0, f"{shell}: {done.stderr}")
    probe = run("completion", "bash", sockets=False).stdout + """
COMP_WORDS=(cellctl quarantine l) COMP_CWORD=2
_cellctl; echo "${COMPREPLY[*]}"
COMP_WORDS=(cellctl appr) COMP_CWORD=1
_cellctl; echo "${COMPREPLY[*]}"
"""
    done = subprocess.run(["bash"], input=probe, text=True, capture_output=True, timeout=60)
    expect(done.stdout.split() == ["list", "approve"], f"completion: {done.stdout}{done.stderr}")
    page = run("man", sockets=False).stdout
    expect(".SH COMMANDS" in page and "quarantine clear" in page, "manual page")


def main():
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            test()
    print(f"{failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
