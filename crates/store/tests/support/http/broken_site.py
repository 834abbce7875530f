"""The example site with one thing wrong, which the environment variable BROKEN names."""

import importlib.util
import json
import os
import sys
import time
from pathlib import Path

# By its path: Python has a module `site` of its own.
PATH = Path(__file__).parents[5] / "examples" / "http-store" / "site.py"
sys.path.insert(0, str(PATH.parent))
spec = importlib.util.spec_from_file_location("example_site", PATH)
example = importlib.util.module_from_spec(spec)
spec.loader.exec_module(example)

BROKEN = os.environ["BROKEN"]
page, apply, authentic = example.page, example.apply, example.Site.authentic


class Site(example.Site):
    def authentic(self, body):
        match BROKEN:
            case "no-token":
                if not self.headers.get("Authorization"):
                    return None
            case "unsigned":
                if not self.headers.get("X-Mika-Signature"):
                    return None
            case "body-not-signed":
                signed = b"{}" if body else b""
                problem = authentic(self, body)
                return None if problem and "signature" in problem and signed else problem
            case "old-timestamps":
                example.wire.WINDOW_SECONDS = 10**9
        return authentic(self, body)

    def answer(self, body):
        match BROKEN:
            case "hangs" if self.path.startswith(("/api/torrent/", "/api/user/")):
                time.sleep(3600)
            case "torrents-fail" if self.path.startswith("/api/torrent/"):
                return 500, {"error": "out of order"}
            case "fails":
                return 500, {"error": f"out of order, {self.headers.get('Authorization')}"}
            case "redirects":
                return 302, {}
            case "unknown-is-empty" if self.path.startswith("/api/torrent/"):
                status, reply = super().answer(body)
                return 200, reply if status == 200 else {}
            case "wrong-form" if self.path.startswith("/api/users"):
                return 200, [1, 2, 3]
            case "bad-rows" if self.path.startswith("/api/users"):
                status, reply = super().answer(body)
                for row in reply["items"][1:2]:
                    row["passkey"] = 12345678
                for row in reply["items"][2:3]:
                    row["uploaded"] = -1
                return status, reply
            case "malformed-is-500":
                try:
                    return super().answer(body)
                except KeyError as error:
                    return 500, {"error": str(error)}
        return super().answer(body)


def broken_page(db, table, after, limit):
    match BROKEN:
        case "ignores-limit":
            return page(db, table, after, 10_000)
        case "no-order":
            reply = page(db, table, after, limit)
            reply["items"].reverse()
            return reply
        case "skips-rows" if table == "users":
            reply = page(db, table, after, limit)
            if reply["next"] is not None:
                reply["next"] += 1
            return reply
        case "endless":
            reply = page(db, table, after, limit)
            return reply | {"next": int(after) if after is not None else 7}
    return page(db, table, after, limit)


def broken_apply(db, batch):
    match BROKEN:
        case "adds-twice":
            if batch["number"] == db.execute("SELECT number FROM checkpoint").fetchone()[0]:
                db.execute("UPDATE checkpoint SET number = number - 1")
        case "ignores-unknown":
            known = {row[0] for row in db.execute("SELECT id FROM users")}
            batch["users"] = [row for row in batch["users"] if row["user_id"] in known]
        case "writes-the-rest":
            reply = apply(db, json.loads(json.dumps(batch)))
            if reply["result"] == "refused":
                wrong = {(row["table"], row["index"]) for row in reply["refused"]}
                for table in ("users", "torrents", "history"):
                    rows = enumerate(batch[table])
                    batch[table] = [row for at, row in rows if (table, at) not in wrong]
                apply(db, batch)
            return reply
        case "keeps-sessions":
            db.execute("CREATE TABLE kept_sessions (key TEXT, address TEXT)")
            for row in batch["sessions"]:
                values = [str(row["key"]), row["address_v4"]]
                db.execute("INSERT INTO kept_sessions VALUES (?, ?)", values)
        case "no-checkpoint":
            reply = apply(db, batch)
            db.execute("UPDATE checkpoint SET number = 0")
            return reply
    return apply(db, batch)


example.page, example.apply = broken_page, broken_apply
example.main(Site)
