# A stand-in for the recommendationservice: it answers every request with its name.
import http.server
import os


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"recommendationservice\n")


if __name__ == "__main__":
    http.server.HTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
