"""Takes docs/images/api-page.png: the interactive page of the admin API of a running mika.

    apt-get install chromium-headless-shell
    python3 -m venv target/venv/pictures && target/venv/pictures/bin/pip install playwright
    MIKA_BIN=target/release/mika target/venv/pictures/bin/python docs/images/api-page.py

No test runs it: CI has no browser.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
MIKA = Path(os.environ.get("MIKA_BIN", ROOT / "target/release/mika")).resolve()
BROWSERS = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"]
CONFIG = """
[http]
listen = ["127.0.0.1:0"]
[udp]
listen = ["127.0.0.1:0"]
[admin]
listen = "127.0.0.1:0"
"""
TORRENTS = ["debian-13.2.0-amd64-netinst.iso", "Fedora-Workstation-43", "tails-amd64-7.2"]


def main():
    with tempfile.TemporaryDirectory(prefix="mika-picture-") as directory:
        (Path(directory) / "mika.toml").write_text(CONFIG)
        command = [MIKA, "serve", "--config", "mika.toml"]
        with subprocess.Popen(
            command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as tracker:
            try:
                url = next(line.split()[2] for line in tracker.stdout if line[:9] == "admin API")
                fill(url, directory)
                take(url, (Path(directory) / "mika-data/admin.token").read_text().strip())
            finally:
                tracker.terminate()


def fill(url, directory):
    """Adds some users and torrents."""
    commands = [["user", "add", name] for name in ("alice", "bob", "carol")]
    for number, title in enumerate(TORRENTS):
        info_hash = f"{number + 1:02x}" * 20
        commands.append(["torrent", "add", "--info-hash", info_hash, "--title", title])
    for command in commands:
        subprocess.run(
            [MIKA, "client", "--url", url, *command], cwd=directory, check=True, capture_output=True
        )


def take(url, token):
    """Opens the page as a reader would: finds an operation, fills it in, and sends it."""
    browser = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1000, "height": 1250})
        page.goto(f"{url}/docs")
        page.fill("#token", token)
        page.fill("#find", "get /api/v1/torrents")
        summary = page.locator("summary", has_text="A part of the torrents, by id.")
        summary.click()
        operation = page.locator("details[open]").first
        operation.locator("input").nth(1).fill("2")
        operation.get_by_role("button", name="Send").click()
        operation.locator("pre", has_text="200 OK").wait_for()
        page.screenshot(path=ROOT / "docs/images/api-page.png")
        chromium.close()


if __name__ == "__main__":
    main()
