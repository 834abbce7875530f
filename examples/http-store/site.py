#!/usr/bin/env python3
"""A site's side of mika's HTTP store: the smallest one that does everything.

    python3 site.py --db site.db --port 8080 --token TOKEN --secret SECRET

Needs Python 3.11 and nothing else; with the package `msgpack` it speaks MessagePack too.
What each endpoint has to do is in docs/http-store.md; `wire.py` is what a web framework does.
"""

import argparse
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import wire

PAGE_ROWS_MAX = 10_000
LARGEST = 2**63 - 1
# The columns by which the lists are paged.
LISTS = {"roles": "id", "users": "id", "torrents": "id"}
LISTS |= {"client_rules": "prefix", "tokens": "rowid", "events": "name"}

HERE = Path(__file__).parent
KINDS = ["registered", "users", "torrents", "history"]
WRITE = dict(zip(KINDS, (HERE / "batch.sql").read_text().split(";")))


def connect(path):
    db = sqlite3.connect(path, timeout=30, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA foreign_keys = ON")
    db.create_function("plus", 2, lambda a, b: min(a + b, LARGEST))
    return db


def as_json(row):
    """A row as mika reads it: hashes in hex."""
    return {key: row[key].hex() if isinstance(row[key], bytes) else row[key] for key in row.keys()}


def page(db, table, after, limit):
    key = LISTS[table]
    where = "" if after is None else f"WHERE {key} > :after"
    sql = f"SELECT rowid, * FROM {table} {where} ORDER BY {key} LIMIT :limit + 1"
    rows = db.execute(sql, {"after": after, "limit": limit}).fetchall()
    last = rows[limit - 1][key] if len(rows) > limit else None
    return {"items": [as_json(row) for row in rows[:limit]], "next": last}


def changes(db, cursor, limit):
    newest = db.execute("SELECT IFNULL(MAX(seq), 0) FROM changes").fetchone()[0]
    if cursor is None:
        return {"next": newest, "more": False}
    sql = "SELECT seq, kind FROM changes WHERE seq > ? ORDER BY seq LIMIT ?"
    seen = db.execute(sql, [cursor, limit]).fetchall()
    last = seen[-1]["seq"] if seen else int(cursor)
    reply = {"next": last, "more": last < newest}
    for kind in {row["kind"] for row in seen}:
        changed = "SELECT id FROM changes WHERE kind = :kind AND seq > :cursor AND seq <= :last"
        if kind in ("client_rules", "events"):  # these are told as a whole
            changed = f"SELECT rowid FROM {kind}"
        rows = db.execute(
            f"SELECT * FROM {kind} WHERE rowid IN ({changed})",
            {"kind": kind, "cursor": cursor, "last": last},
        )
        reply[kind] = [as_json(row) for row in rows]
    return reply


def refusal(db, table, row):
    """Why a row cannot be written; None if it was."""
    values = row | row.get("traffic", {}) | {"hash": bytes.fromhex(row.get("info_hash", ""))}
    values = {key: min(v, LARGEST) if isinstance(v, int) else v for key, v in values.items()}
    try:
        written = db.execute(WRITE[table], values).rowcount
    except sqlite3.IntegrityError as error:
        return str(error)
    return None if written else f"no such row in {table}"


def apply(db, batch):
    """Writes all of a batch, once; or nothing, and says which rows cannot be written."""
    db.execute("BEGIN IMMEDIATE")
    try:
        if batch["number"] <= db.execute("SELECT number FROM checkpoint").fetchone()[0]:
            return {"result": "repeated"}
        refused = []
        for table in WRITE:
            for index, row in enumerate(batch[table]):
                if reason := refusal(db, table, row):
                    refused.append({"table": table, "index": index, "reason": reason})
        if refused:
            return {"result": "refused", "refused": refused}
        db.execute("UPDATE checkpoint SET number = ?", [batch["number"]])
        db.execute("COMMIT")
        return {"result": "applied"}
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


class Site(wire.Endpoint):
    def answer(self, body):
        """The status and the body of the answer."""
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        limit = min(int(query.get("limit", 1000)), PAGE_ROWS_MAX)
        with closing(connect(self.server.options.db)) as db:
            match [self.command, *url.path.strip("/").split("/")]:
                case ["GET", "api", "checkpoint"]:
                    return found(db.execute("SELECT number FROM checkpoint"))
                case ["GET", "api", "torrent", hash] if len(hash) == 40:
                    sql = "SELECT * FROM torrents WHERE info_hash = :hash OR info_hash_v2 = :hash"
                    return found(db.execute(sql, {"hash": bytes.fromhex(hash)}))
                case ["GET", "api", "user", passkey]:
                    return found(db.execute("SELECT * FROM users WHERE passkey = ?", [passkey]))
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
                    return (200 if db.execute(sql, counts).rowcount else 404), {}
                case ["POST", "api", "torrent", hash, "peers"]:
                    sql = "REPLACE INTO peers (info_hash, user_id, key, gone) VALUES (?, ?, ?, ?)"
                    for peer in body["peers"]:
                        key = str(peer["key"])  # a key may be above 2^63
                        db.execute(sql, [bytes.fromhex(hash), peer["user_id"], key, peer["gone"]])
                    return 200, {}
        return 404, {"error": "there is no such endpoint"}


def found(rows):
    row = rows.fetchone()
    return (200, as_json(row)) if row else (404, {"error": "no such record"})


def main(site=Site):
    parser = argparse.ArgumentParser()
    parser.add_argument("--db", default="site.db")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--token", default="")
    parser.add_argument("--secret", default="")
    options = parser.parse_args()
    with closing(connect(options.db)) as db:
        db.executescript((HERE / "site.sql").read_text())
    wire.serve(options, site)


if __name__ == "__main__":
    main()
