"""Every client as seeder and as leecher, over every protocol that it can use."""

import pytest

from transfer import FILE_BYTES, make_transfer

NEW, OLD = "libtorrent-2.1.1", "libtorrent-2.0.11"
PATH, PREFIX, QUERY = "/announce/{passkey}", "/{passkey}/announce", "/announce?passkey={passkey}"

# Seeder, leecher, where the passkey stands.
RING = [
    (NEW, "transmission", PATH),
    ("transmission", "aria2", PREFIX),
    ("aria2", "rtorrent", QUERY),
    ("rtorrent", "qbittorrent", PATH),
    ("qbittorrent", OLD, PREFIX),
    (OLD, NEW, QUERY),
]


@pytest.mark.parametrize(("seeder", "leecher", "shape"), RING)
def test_http_credits_what_the_clients_report(
    tracker, make_client, make_content, seeder, leecher, shape
):
    transfer = make_transfer(
        tracker, make_client, make_content(FILE_BYTES), (seeder, {}), (leecher, {})
    )
    transfer.run(lambda user: [tracker.announce_url(user, shape=shape)])


@pytest.mark.parametrize(
    ("seeder", "leecher"),
    [
        ("transmission", NEW),
        (OLD, "aria2"),
        ("aria2", "qbittorrent"),
        ("qbittorrent", "rtorrent"),
        ("rtorrent", "transmission"),
    ],
)
def test_https_credits_what_the_clients_report(
    tracker, make_client, make_content, seeder, leecher
):
    transfer = make_transfer(
        tracker, make_client, make_content(FILE_BYTES), (seeder, {}), (leecher, {})
    )
    transfer.run(lambda user: [tracker.announce_url(user, "https")])


# Only libtorrent (which qBittorrent uses) sends the passkey by BEP 41.
@pytest.mark.parametrize(
    ("seeder", "leecher", "shape"),
    [(NEW, "qbittorrent", PATH), ("qbittorrent", OLD, PREFIX), (OLD, NEW, QUERY)],
)
def test_udp_credits_what_the_clients_report(
    tracker, make_client, make_content, seeder, leecher, shape
):
    transfer = make_transfer(
        tracker, make_client, make_content(FILE_BYTES), (seeder, {}), (leecher, {})
    )
    transfer.run(lambda user: [tracker.announce_url(user, "udp", shape=shape)])


@pytest.mark.parametrize(
    ("scheme", "seeder", "leecher"),
    [
        ("http", NEW, "transmission"),
        ("http", "transmission", OLD),
        ("http", "qbittorrent", "aria2"),
        ("https", OLD, "qbittorrent"),
        ("udp", OLD, NEW),
    ],
)
def test_ipv6_credits_what_the_clients_report(
    tracker, make_client, make_content, scheme, seeder, leecher
):
    options = {"bind": "::1"}
    transfer = make_transfer(
        tracker, make_client, make_content(FILE_BYTES), (seeder, options), (leecher, options)
    )
    transfer.run(lambda user: [tracker.announce_url(user, scheme, host="[::1]")])
