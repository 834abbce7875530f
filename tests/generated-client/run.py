#!/usr/bin/env python3
"""Generates a Python client from the OpenAPI document of the admin API, and uses it.

    ./tests/generated-client/setup.sh
    target/venv/generated-client/bin/python tests/generated-client/run.py

The tracker is the one that `MIKA_BIN` names, or `target/release/mika`.

Fails if the generator has to leave something out, or if the client does not read back from a
running tracker what it has written.
"""

import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
DOCUMENT = ROOT / "docs/openapi.json"
TOKEN = "generated-0123456789abcdef"
HASH = "0123456789abcdef0123456789abcdef01234567"
CONFIG = """
[http]
listen = ["127.0.0.1:0"]
[udp]
listen = []
[admin]
listen = "127.0.0.1:0"
"""


def generate(directory):
    """Writes the package `mika_api` into a directory."""
    command = [
        str(Path(sys.executable).with_name("openapi-python-client")),
        "generate",
        f"--path={DOCUMENT}",
        f"--output-path={directory / 'mika_api'}",
        f"--config={HERE / 'generator.yml'}",
        "--meta=none",
        "--fail-on-warning",
    ]
    subprocess.run(command, check=True)


def operations():
    """The names of all operations in the document."""
    paths = json.loads(DOCUMENT.read_text())["paths"]
    return {
        operation["operationId"] for methods in paths.values() for operation in methods.values()
    }


def generated(package):
    """The names of all operations in the client; imports every module of it."""
    names = set()
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
        parts = module.name.split(".")
        if len(parts) == 4 and parts[1] == "api":
            names.add(parts[3])
    return names


class Mika:
    """A tracker of its own, in a directory of its own."""

    def __init__(self, binary, directory):
        (directory / "mika.toml").write_text(CONFIG)
        self.log = directory / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [binary, "serve", "--config", "mika.toml"],
                cwd=directory,
                env={**os.environ, "MIKA__ADMIN__TOKEN": TOKEN},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        for line in self.process.stdout:
            if line.startswith("admin API"):
                self.url = line.removeprefix("admin API").strip()
                return
        raise SystemExit(f"mika does not start:\n{self.log.read_text()}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.stdout.close()
        return self.process.wait(timeout=60)


def use(url):
    """What a site would do."""
    from mika_api import AuthenticatedClient, models
    from mika_api.api.bulk import bulk_users
    from mika_api.api.state import export_state
    from mika_api.api.torrents import add_torrent, get_torrent, update_torrent
    from mika_api.api.users import add_user, get_user, list_users

    client = AuthenticatedClient(base_url=url, token=TOKEN)

    alice = add_user.sync(client=client, body=models.NewUser(name="alice", site_id=7))
    assert isinstance(alice, models.User), alice
    assert (alice.name, alice.site_id, len(alice.passkey)) == ("alice", 7, 32), alice
    bulk = models.BulkBulkUserUserKey.from_dict({"upsert": [{"name": "bob"}], "delete": []})
    report = bulk_users.sync(client=client, body=bulk)
    assert (report.created, report.errors) == (1, []), report
    users = list_users.sync(client=client, limit=10)
    assert [user.name for user in users.items] == ["alice", "bob"], users

    torrent = models.NewTorrent(info_hash=HASH, title="Film", download_percent=0)
    added = add_torrent.sync(client=client, body=torrent)
    assert isinstance(added, models.Torrent), added
    read = get_torrent.sync(HASH, client=client)
    assert read == added, (read, added)
    assert (read.title, read.download_percent, read.seeders) == ("Film", 0, 0), read
    change = models.TorrentChange(title="Film 2")
    changed = update_torrent.sync(HASH, client=client, body=change)
    assert (changed.title, changed.id) == ("Film 2", added.id), changed

    problem = get_user.sync("nobody", client=client)
    assert isinstance(problem, models.Problem), problem
    assert (problem.status, problem.code) == (404, "user_not_found"), problem
    lines = export_state.sync_detailed(client=client).content.decode().splitlines()
    assert json.loads(lines[-1])["kind"] == "end", lines
    stranger = AuthenticatedClient(base_url=url, token="of-somebody-else")
    refused = list_users.sync_detailed(client=stranger)
    assert refused.status_code == 401, refused


def main():
    binary = Path(os.environ.get("MIKA_BIN", ROOT / "target/release/mika")).resolve()
    with tempfile.TemporaryDirectory(prefix="mika-generated-") as name:
        directory = Path(name)
        generate(directory)
        sys.path.insert(0, name)
        package = importlib.import_module("mika_api")
        missing = operations() - generated(package)
        assert not missing, f"not generated: {missing}"
        mika = Mika(str(binary), directory)
        try:
            use(mika.url)
        finally:
            ended = mika.stop()
        assert ended == 0, f"mika ended with {ended}:\n{mika.log.read_text()}"
    print(f"a generated client with {len(operations())} operations works")


if __name__ == "__main__":
    main()
