"""A real daemon with metricsListen: what monitoring reads there, and that nothing else is.

scrape.py CELLD MONOREPO
"""
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

DEADLINE_S = 30


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def ask(port, path, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read().decode()
    finally:
        connection.close()


def wait_for(what, condition):
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    sys.exit(f"{what}: not in {DEADLINE_S} s")


def make_repository(path, monorepo):
    environment = {"PATH": os.environ["PATH"], "HOME": path, "GIT_CONFIG_NOSYSTEM": "1"}
    for command in (["cp", "-r", monorepo + "/.", path], ["git", "init", "-q", "-b", "main"],
                    ["git", "add", "-A"],
                    ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q",
                     "-m", "example"]):
        subprocess.run(command, cwd=path, env=environment, check=True)


def write_settings(root, port):
    path = root + "/celld.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"""repository: {{url: "file://{root}/repository", interval: 100ms, jitterPercent: 0}}
platform: {{url: "http://127.0.0.1:9", auth: none}}
stateDirectory: {root}/state
statusSocket: {{path: {root}/status.sock}}
adminSocket: {{path: {root}/admin.sock}}
metricsListen: 127.0.0.1:{port}
""")
    return path


def numbers(text):
    return {name: int(value) for name, value in
            re.findall(r"^([a-z_]+(?:\{[^}]*\})?) (-?\d+)$", text, re.MULTILINE)}


def check(port):
    def answers():
        try:
            return ask(port, "/healthz")[0] == 200
        except OSError:
            return False

    wait_for("celld listens", answers)
    status, kind, text = ask(port, "/metrics")
    assert status == 200 and kind.startswith("application/openmetrics-text"), (status, kind)
    assert text.endswith("# EOF\n"), text
    wait_for("the repository is read",
             lambda: numbers(ask(port, "/metrics")[2])["celld_cells"] == 8)
    before = numbers(ask(port, "/metrics")[2])
    after = wait_for("fetches are counted", lambda: (now := numbers(ask(port, "/metrics")[2]))[
        "celld_fetches_total"] > before["celld_fetches_total"] and now)
    assert after["celld_writable"] == 1 and after["celld_fetch_failures_total"] == 0, after
    assert after["celld_journal_rows_total"] > 0 and after["celld_steps_total"] > 0, after
    assert after["celld_writes_total"] == 0 and after["celld_reads_total"] > 0, after
    assert after['celld_condition{condition="starting"}'] == 1, after
    assert ask(port, "/readyz")[0] == 503
    for path in ("/v1/status", "/v1/render", "/v1/events", "/v1/version", "/status"):
        assert ask(port, path)[0] == 404, path
    assert ask(port, "/metrics", "POST")[0] == 405
    assert ask(port, "/v1/commands/sync", "POST")[0] == 404


def main():
    celld, monorepo = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="celld-scrape-") as root:
        os.mkdir(root + "/repository")
        make_repository(root + "/repository", monorepo)
        port = free_port()
        with open(root + "/log", "w", encoding="utf-8") as log:
            with subprocess.Popen([celld, "--config", write_settings(root, port)], stdout=log,
                                  stderr=log) as daemon:
                try:
                    check(port)
                    daemon.send_signal(signal.SIGTERM)
                    assert daemon.wait(DEADLINE_S) == 0, daemon.returncode
                finally:
                    daemon.kill()
    print("metrics are served")


main()
