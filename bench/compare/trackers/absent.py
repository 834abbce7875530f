"""Trackers that one would expect here, and why they are not."""

from tracker import Tracker, Unavailable


class Absent(Tracker):
    reason = "no package: neither in Debian nor on crates.io"

    def install(self):
        raise Unavailable(self.reason)

    def binary(self):
        raise Unavailable(self.reason)


class Unit3dAnnounce(Absent):
    name = "unit3d-announce"
    title = "UNIT3D-Announce"
    paths = ("keep-alive", "close")


class Ocelot(Absent):
    name = "ocelot"
    title = "Ocelot"
    paths = ("keep-alive", "close")


class Chihaya(Absent):
    name = "chihaya"
    title = "chihaya"


TRACKERS = (Unit3dAnnounce, Ocelot, Chihaya)
