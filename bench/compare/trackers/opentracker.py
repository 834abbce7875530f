"""opentracker, as Debian has it."""

from tracker import Tracker, Unavailable, run_installer

DOWNLOAD_SECONDS_MAX = 120

CONFIG = """\
listen.udp.workers {workers}
listen.tcp_udp 127.0.0.1:{port}
access.whitelist whitelist
tracker.rootdir {directory}
tracker.user nobody
"""


class Opentracker(Tracker):
    name = "opentracker"
    title = "opentracker 2021-08-23 (Debian)"
    paths = ("udp", "close")
    notes = (
        "Debian's build serves listed torrents only; all of them are listed",
        "closes the connection after each HTTP reply",
    )

    def install(self):
        """Unpacks the packages beside the system, which is left as it is."""
        if self.path().is_file():
            return
        directory = self.path().parents[2]
        packages = directory / "packages"
        packages.mkdir(parents=True, exist_ok=True)
        download = ["apt-get", "download", "opentracker", "libowfat0"]
        run_installer(download, DOWNLOAD_SECONDS_MAX, cwd=packages)
        for package in packages.glob("*.deb"):
            run_installer(["dpkg", "-x", package, directory], DOWNLOAD_SECONDS_MAX)

    def path(self):
        return self.place.rivals / self.name / "usr/bin/opentracker"

    def binary(self):
        if not self.path().is_file():
            raise Unavailable("not installed: `compare.py install` failed or was not run")
        return self.path()

    def configure(self):
        binary = self.binary()
        torrents = self.place.all_lines("torrents")
        (self.directory / "whitelist").write_text("".join(f"{line}\n" for line in torrents))
        config = CONFIG.format(
            workers=len(self.place.cores), port=self.port, directory=self.directory
        )
        (self.directory / "config").write_text(config)
        return [binary, "-f", "config"]

    def environment(self):
        return {"LD_LIBRARY_PATH": str(self.path().parents[1] / "lib")}


TRACKERS = (Opentracker,)
