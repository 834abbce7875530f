#!/usr/bin/env python3
"""A site's side of mika's HTTP store: the smallest one that does everything.

    python3 site.py --db site.db --port 8080 --token TOKEN --secret SECRET

Needs Python 3.11 and nothing else; with the package `msgpack` it speaks MessagePack too.
What each endpoint has to do is in docs/http-store.md.
"""

import argparse
import hashlib
import hmac
import json
import sqlite3
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

try:
    import msgpack
except ImportError:
    msgpack = None

WINDOW_SECONDS = 300
PAGE_ROWS_MAX = 10_000
LARGEST = 2**63 - 1
TRAFFIC = {
    "uploaded": "uploaded_credited",
    "downloaded": "downloaded_credited",
    "uploaded_raw": "uploaded_raw",
    "downloaded_raw": "downloaded_raw",
}
# The columns by which each list is paged.
LISTS = {
    "roles": "id",
    "users": "id",
    "torrents": "id",
    "client_rules": "prefix",
    "tokens": "rowid",
    "events": "name",
}


def connect(path):
    db = sqlite3.connect(path, timeout=30, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA foreign_keys = ON")
    return db


def as_json(row):
    """A row as mika reads it: hashes in hex, without the column that only pages need."""
    fields = {key: value for key, value in dict(row).items() if key != "rowid"}
    return {key: value.hex() if isinstance(value, bytes) else value for key, value in fields.items()}


def page(db, table, after, limit):
    key = LISTS[table]
    where, values = (f"WHERE {key} > ?", [after]) if after is not None else ("", [])
    sql = f"SELECT rowid, * FROM {table} {where} ORDER BY {key} LIMIT ?"
    rows = db.execute(sql, [*values, limit + 1]).fetchall()
    more = len(rows) > limit
    rows = rows[:limit]
    return {"items": [as_json(row) for row in rows], "next": rows[-1][key] if more else None}


def changes(db, cursor, limit):
    last = db.execute("SELECT IFNULL(MAX(seq), 0) FROM changes").fetchone()[0]
    if cursor is None:
        return {"next": last, "more": False}
    sql = "SELECT seq, kind, id FROM changes WHERE seq > ? ORDER BY seq LIMIT ?"
    seen = db.execute(sql, [cursor, limit]).fetchall()
    reply = {"next": seen[-1]["seq"] if seen else int(cursor)}
    reply["more"] = reply["next"] < last
    for kind in {row["kind"] for row in seen}:
        if kind in ("client_rules", "events"):  # these are told as a whole
            reply[kind] = [as_json(row) for row in db.execute(f"SELECT * FROM {kind}")]
            continue
        ids = {row["id"] for row in seen if row["kind"] == kind}
        sql = f"SELECT * FROM {kind} WHERE rowid = ?"
        rows = [db.execute(sql, [id]).fetchone() for id in sorted(ids)]
        reply[kind] = [as_json(row) for row in rows if row]
    return reply


def clamp(number):
    return min(int(number), LARGEST)


def add(column):
    """SQL that adds a value and ends at the largest integer."""
    return f"{column} = MIN({LARGEST} - :{column}, {column}) + :{column}"


def values_of(row):
    values = {key: clamp(v) if isinstance(v, int) else v for key, v in row.items() if key != "traffic"}
    return values | {ours: clamp(row["traffic"][theirs]) for ours, theirs in TRAFFIC.items()}


SUMS = ", ".join(add(column) for column in TRAFFIC)
LATEST = "announced_at_seconds = MAX(announced_at_seconds, :announced_at_seconds)"
WRITE = {
    "registered": "INSERT INTO torrents (id, info_hash, created_at_seconds)"
    " VALUES (:torrent_id, :hash, :registered_at_seconds)",
    "users": f"UPDATE users SET {SUMS}, {add('seed_seconds')}, {add('snatches')}, {LATEST}"
    " WHERE id = :user_id",
    "torrents": f"UPDATE torrents SET {SUMS}, snatches = MIN(4294967295, snatches + :snatches),"
    f" seeders = :seeders, leechers = :leechers, {LATEST} WHERE id = :torrent_id",
    "history": "INSERT INTO history (user_id, torrent_id, uploaded, downloaded, uploaded_raw,"
    " downloaded_raw, seed_seconds, snatches, left_bytes, active, announced_at_seconds)"
    " VALUES (:user_id, :torrent_id, :uploaded, :downloaded, :uploaded_raw, :downloaded_raw,"
    " :seed_seconds, :snatches, :left_bytes, :active, :announced_at_seconds)"
    f" ON CONFLICT DO UPDATE SET {SUMS}, {add('seed_seconds')}, {add('snatches')},"
    " left_bytes = IIF(:announced_at_seconds >= announced_at_seconds, :left_bytes, left_bytes),"
    f" active = :active, {LATEST}",
}


def apply(db, batch):
    """Writes all of a batch, once; or nothing, and says which rows cannot be written."""
    db.execute("BEGIN IMMEDIATE")
    try:
        if batch["number"] <= db.execute("SELECT number FROM checkpoint").fetchone()[0]:
            db.execute("ROLLBACK")
            return {"result": "repeated"}
        refused = []
        for table, sql in WRITE.items():
            for index, row in enumerate(batch[table]):
                if table == "registered":
                    row = row | {"hash": bytes.fromhex(row["info_hash"])}
                try:
                    changed = db.execute(sql, values_of(row) if "traffic" in row else row).rowcount
                    reason = "" if changed else f"no such row in {table}"
                except sqlite3.IntegrityError as error:
                    reason = str(error)
                if reason:
                    refused.append({"table": table, "index": index, "reason": reason})
        if refused:
            db.execute("ROLLBACK")
            return {"result": "refused", "refused": refused}
        db.execute("UPDATE checkpoint SET number = ?", [batch["number"]])
        db.execute("COMMIT")
        return {"result": "applied"}
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


class Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def authentic(self, body):
        options = self.server.options
        if options.token:
            sent = self.headers.get("Authorization", "")
            if not hmac.compare_digest(sent.encode(), f"Bearer {options.token}".encode()):
                return "the token is missing or wrong"
        if options.secret:
            timestamp = self.headers.get("X-Mika-Timestamp", "")
            signed = f"{timestamp}\n{self.command}\n{self.path}\n".encode() + body
            digest = hmac.new(options.secret.encode(), signed, hashlib.sha256).hexdigest()
            sent = self.headers.get("X-Mika-Signature", "")
            if not hmac.compare_digest(sent.encode(), f"sha256={digest}".encode()):
                return "the signature is missing or wrong"
            if abs(time.time() - int(timestamp)) > WINDOW_SECONDS:
                return "the timestamp is too far from the site's clock"
        return None

    def answer(self, body):
        """The status and the body of the answer."""
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        limit = min(int(query.get("limit", 1000)), PAGE_ROWS_MAX)
        with closing(connect(self.server.options.db)) as db:
            match [self.command, *url.path.strip("/").split("/")]:
                case ["GET", "api", "checkpoint"]:
                    return 200, dict(db.execute("SELECT number FROM checkpoint").fetchone())
                case ["GET", "api", "torrent", hash] if len(hash) == 40:
                    sql = "SELECT * FROM torrents WHERE info_hash = :hash OR info_hash_v2 = :hash"
                    row = db.execute(sql, {"hash": bytes.fromhex(hash)}).fetchone()
                    return (200, as_json(row)) if row else (404, {"error": "no such torrent"})
                case ["GET", "api", "user", passkey]:
                    sql = "SELECT * FROM users WHERE passkey = ?"
                    row = db.execute(sql, [passkey]).fetchone()
                    return (200, as_json(row)) if row else (404, {"error": "no such user"})
                case ["GET", "api", "changes"]:
                    return 200, changes(db, query.get("cursor"), limit)
                case ["GET", "api", table] if table in LISTS:
                    return 200, page(db, table, query.get("after"), limit)
                case ["POST", "api", "batch"]:
                    return 200, apply(db, body)
                case ["POST", "api", "peers", "forget"]:
                    db.executescript(
                        "UPDATE torrents SET seeders = 0, leechers = 0;"
                        " UPDATE history SET active = 0; DELETE FROM peers;"
                    )
                    return 200, {}
                case ["PATCH", "api", "torrent", hash]:
                    sql = "UPDATE torrents SET seeders = ?, leechers = ? WHERE info_hash = ?"
                    counts = [body["seeders"], body["leechers"], bytes.fromhex(hash)]
                    return (200, {}) if db.execute(sql, counts).rowcount else (404, {})
                case ["POST", "api", "torrent", hash, "peers"]:
                    sql = "REPLACE INTO peers (info_hash, user_id, key, gone) VALUES (?, ?, ?, ?)"
                    for peer in body["peers"]:
                        key = str(peer["key"])  # a key may be above 2^63
                        db.execute(sql, [bytes.fromhex(hash), peer["user_id"], key, peer["gone"]])
                    return 200, {}
        return 404, {"error": "there is no such endpoint"}

    def handle_request(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        problem = self.authentic(body)
        if problem:
            status, reply = 401, {"error": problem}
        else:
            packed = "msgpack" in self.headers.get("Content-Type", "")
            decode = (lambda data: msgpack.unpackb(data)) if packed else json.loads
            try:
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


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main(site=Site):
    parser = argparse.ArgumentParser()
    parser.add_argument("--db", default="site.db")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--token", default="")
    parser.add_argument("--secret", default="")
    options = parser.parse_args()
    with closing(connect(options.db)) as db:
        db.executescript((Path(__file__).parent / "site.sql").read_text())
    server = Server(("127.0.0.1", options.port), site)
    server.options = options
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
