"""One driver per BitTorrent client, all with the interface of `drivers.base.Client`."""

from drivers.aria2 import Aria2
from drivers.libtorrent_driver import Libtorrent
from drivers.qbittorrent import QBittorrent
from drivers.rtorrent import RTorrent
from drivers.transmission import Transmission

CLIENTS = {
    "libtorrent-2.1.1": lambda **options: Libtorrent(version="2.1.1", **options),
    "libtorrent-2.0.11": lambda **options: Libtorrent(version="2.0.11", **options),
    "transmission": Transmission,
    "aria2": Aria2,
    "rtorrent": RTorrent,
    "qbittorrent": QBittorrent,
}
