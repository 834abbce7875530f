"""bittorrent-tracker of webtorrent, from npm."""

import shutil

from tracker import Tracker, Unavailable, run_installer

INSTALL_SECONDS_MAX = 300

# Its own command line loads a native WebRTC library that a tracker does not need.
SERVER = """\
import Server from '{module}'
const server = new Server({{ udp: true, http: true, ws: false, stats: false, trustProxy: false }})
server.on('error', error => console.error(error.message))
server.on('warning', () => {{}})
server.listen({port}, {{ http: '127.0.0.1', udp: '127.0.0.1', udp6: '::1' }})
"""


class BittorrentTracker(Tracker):
    name = "npm"
    title = "bittorrent-tracker 11.2.3 (npm)"
    notes = ("one thread, whatever it is given", "started as a library, without WebRTC")

    def install(self):
        if self.path().is_file():
            return
        if shutil.which("npm") is None:
            raise Unavailable("there is no npm")
        directory = self.place.rivals / self.name
        directory.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--prefix", directory, "--ignore-scripts"]
        run_installer([*command, "bittorrent-tracker@11.2.3"], INSTALL_SECONDS_MAX, cwd=directory)

    def path(self):
        return self.place.rivals / self.name / "node_modules/bittorrent-tracker/server.js"

    def binary(self):
        if shutil.which("node") is None:
            raise Unavailable("there is no Node.js")
        if not self.path().is_file():
            raise Unavailable("not installed: `compare.py install` failed or was not run")
        return "node"

    def configure(self):
        node = self.binary()
        script = SERVER.format(module=self.path().resolve(), port=self.port)
        (self.directory / "server.mjs").write_text(script)
        return [node, "server.mjs"]


TRACKERS = (BittorrentTracker,)
