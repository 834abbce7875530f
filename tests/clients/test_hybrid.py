"""Torrents of BitTorrent v2 (BEP 52), and hybrid ones, which clients announce under two hashes."""

import pytest

from transfer import FILE_BYTES, make_transfer

NEW, OLD = "libtorrent-2.1.1", "libtorrent-2.0.11"


@pytest.mark.parametrize("scheme", ["http", "udp"])
@pytest.mark.parametrize(("seeder", "leecher"), [(NEW, OLD), (OLD, NEW)])
def test_a_hybrid_torrent_announced_under_both_hashes_is_counted_once(
    tracker, make_client, make_content, seeder, leecher, scheme
):
    torrent = make_content(FILE_BYTES, "hybrid")
    both = {"stopped_announces": 2}
    transfer = make_transfer(tracker, make_client, torrent, (seeder, both), (leecher, both))
    transfer.run(lambda user: [tracker.announce_url(user, scheme)])


@pytest.mark.parametrize(
    ("seeder", "seeder_options", "leecher", "leecher_options"),
    [
        # rTorrent knows only the first hash. Transmission 3.00 cannot read such a file, and aria2
        # gives it a wrong hash.
        ("qbittorrent", {}, NEW, {"stopped_announces": 2}),
        (NEW, {"stopped_announces": 2}, "rtorrent", {}),
    ],
)
def test_clients_of_v1_and_v2_meet_in_a_hybrid_torrent(
    tracker, make_client, make_content, seeder, seeder_options, leecher, leecher_options
):
    torrent = make_content(FILE_BYTES, "hybrid")
    sides = (seeder, seeder_options), (leecher, leecher_options)
    transfer = make_transfer(tracker, make_client, torrent, *sides)
    transfer.run(lambda user: [tracker.announce_url(user)])


@pytest.mark.parametrize("scheme", ["http", "udp"])
@pytest.mark.parametrize(("seeder", "leecher"), [(NEW, OLD), ("qbittorrent", NEW)])
def test_a_v2_only_torrent_is_known_by_its_truncated_hash(
    tracker, make_client, make_content, seeder, leecher, scheme
):
    torrent = make_content(FILE_BYTES, "v2")
    transfer = make_transfer(tracker, make_client, torrent, (seeder, {}), (leecher, {}))
    transfer.run(lambda user: [tracker.announce_url(user, scheme)])
