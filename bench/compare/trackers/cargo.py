"""Trackers that are installed by `cargo install`."""

from tracker import Tracker, Unavailable, run_installer

BUILD_SECONDS_MAX = 3600


class CargoTracker(Tracker):
    """A tracker from crates.io."""

    package = ""
    version = ""
    features = ()
    program = ""

    def install(self):
        if self.path().is_file():
            return
        command = ["nice", "cargo", "install", f"{self.package}@{self.version}"]
        command += ["--root", self.place.rivals / self.name]
        command += ["--target-dir", self.place.rivals / "build"]
        for feature in self.features:
            command += ["--features", feature]
        try:
            run_installer([*command, "--locked"], BUILD_SECONDS_MAX)
        except Unavailable:
            # Old locked dependencies need not compile with a new compiler.
            run_installer(command, BUILD_SECONDS_MAX)

    def path(self):
        return self.place.rivals / self.name / "bin" / (self.program or self.package)

    def binary(self):
        if not self.path().is_file():
            raise Unavailable("not installed: `compare.py install` failed or was not run")
        return self.path()
