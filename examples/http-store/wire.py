"""What a web framework does for a site: HTTP, the token and signature of mika, JSON or MessagePack."""

import hashlib
import hmac
import json
import sqlite3
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

try:
    import msgpack
except ImportError:
    msgpack = None

WINDOW_SECONDS = 300


class Endpoint(BaseHTTPRequestHandler):
    """Answers each request of mika with `answer(body)`: a status, and what becomes the body."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def says(self, header, expected):
        return hmac.compare_digest(self.headers.get(header, "").encode(), expected.encode())

    def authentic(self, body):
        """What is wrong with the token or the signature."""
        token, secret = self.server.options.token, self.server.options.secret
        timestamp = self.headers.get("X-Mika-Timestamp", "")
        signed = f"{timestamp}\n{self.command}\n{self.path}\n".encode() + body
        digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        if token and not self.says("Authorization", f"Bearer {token}"):
            return "the token is missing or wrong"
        if secret and not self.says("X-Mika-Signature", f"sha256={digest}"):
            return "the signature is missing or wrong"
        if secret and abs(time.time() - int(timestamp)) > WINDOW_SECONDS:
            return "the timestamp is too far from the site's clock"
        return None

    def handle_request(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        decode = msgpack.unpackb if "msgpack" in self.headers.get("Content-Type", "") else json.loads
        try:
            problem = self.authentic(body)
            status, reply = 401, {"error": problem}
            if not problem:
                status, reply = self.answer(decode(body) if body else None)
        except (KeyError, TypeError, ValueError) as error:
            status, reply = 400, {"error": f"cannot be read: {error!r}"}
        except sqlite3.Error as error:
            status, reply = 503, {"error": str(error)}
        if msgpack and "msgpack" in self.headers.get("Accept", ""):
            kind, data = "application/msgpack", msgpack.packb(reply)
        else:
            kind, data = "application/json", json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = handle_request

    def log_message(self, *_):
        pass  # paths contain passkeys


def serve(options, endpoint):
    ThreadingHTTPServer.request_queue_size = 128
    server = ThreadingHTTPServer(("127.0.0.1", options.port), endpoint)
    server.options = options
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
