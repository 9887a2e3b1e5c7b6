"""Whoever is named in the settings is told how a commit fares, signed; a sink that fails holds up
nothing."""

import hashlib
import hmac
import http.server
import json
import threading

from world import World, expect, wait_until

KEY = b"sign with this"


class Sink(http.server.BaseHTTPRequestHandler):
    notices = []
    refusals = 1

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        signature = "sha256=" + hmac.new(KEY, body, hashlib.sha256).hexdigest()
        refused = Sink.refusals > 0
        Sink.refusals -= refused
        if not refused:
            Sink.notices.append((self.headers["X-Celld-Signature"] == signature, json.loads(body)))
        self.send_response(503 if refused else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with World() as world:
        key = world.directory / "key"
        key.write_bytes(KEY)
        key.chmod(0o400)
        world.use_small()
        world.start_standin()
        world.settings += f"""
notifications:
  - {{url: "http://127.0.0.1:{server.server_port}/hook", signature: {{file: {key}}}}}
  - {{url: "http://127.0.0.1:1/nobody"}}
"""
        world.start_celld()
        revision = world.deploy("Declare everything")
        world.wait_converged(revision)

        def success():
            return [notice for _, notice in Sink.notices
                    if notice["revision"] == revision and notice["state"] == "success"]
        wait_until("the sink is told", success, explain=lambda: str(Sink.notices))
        expect(all(signed for signed, _ in Sink.notices), "a notice is not signed")
        expect(all(notice["type"] == "commit-status" and notice["context"].startswith("celld/")
                   and notice["id"] for _, notice in Sink.notices), f"notices: {Sink.notices}")
    server.shutdown()


if __name__ == "__main__":
    main()
