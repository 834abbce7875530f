"""The tracker dies in the middle of a transfer and comes back on the same ports and data."""

import pytest

from transfer import make_transfer

NEW, OLD = "libtorrent-2.1.1", "libtorrent-2.0.11"
FILE_BYTES = 4 * 1024 * 1024 + 54_321
RATE_LIMIT = 400 * 1000


@pytest.mark.parametrize("end", ["kill", "stop"])
@pytest.mark.parametrize(
    ("scheme", "seeder", "leecher"),
    [
        ("http", NEW, "transmission"),
        ("http", "qbittorrent", OLD),
        ("https", "aria2", "qbittorrent"),
        ("udp", OLD, NEW),
    ],
)
def test_totals_are_exact_although_the_tracker_was_away(
    tracker, make_client, make_content, scheme, seeder, leecher, end
):
    torrent = make_content(FILE_BYTES)
    limited = {"rate_limit": RATE_LIMIT}
    transfer = make_transfer(tracker, make_client, torrent, (seeder, limited), (leecher, {}))
    transfer.start(lambda user: [tracker.announce_url(user, scheme)])
    transfer.leecher.wait_bytes(FILE_BYTES // 8, 60, others=[transfer.seeder])
    # Something must have been counted before and after, or the restart would prove nothing.
    before = transfer.wait_counted()
    assert max(before) < FILE_BYTES
    getattr(tracker, end)()
    transfer.leecher.wait_bytes(FILE_BYTES // 2, 60, others=[transfer.seeder])
    tracker.start()
    transfer.wait_counted(beyond=before)
    transfer.finish()
