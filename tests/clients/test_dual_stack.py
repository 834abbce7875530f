"""Clients that reach the tracker over IPv4 and IPv6, with the same counters on both ways."""

import shutil
import socket
import subprocess

import pytest

from transfer import FILE_BYTES, make_transfer

NEW, OLD = "libtorrent-2.1.1", "libtorrent-2.0.11"
BOTH = ["127.0.0.1", "::1"]
HOSTS = "127.0.0.1 localhost\n::1 localhost\n"


@pytest.fixture
def dual_stack(tmp_path):
    """Options of a libtorrent for which `localhost` has two addresses and that listens on both.

    Where the machine's /etc/hosts gives it only one, the client gets a hosts file of its own.
    """
    addresses = {info[4][0] for info in socket.getaddrinfo("localhost", 80)}
    options = {"interfaces": BOTH, "stopped_announces": 2}
    if addresses >= set(BOTH):
        return options
    hosts = tmp_path / "hosts"
    hosts.write_text(HOSTS)
    probe = [shutil.which("unshare"), "-r", "-m", "true"]
    done = subprocess.run(probe, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, (
        f"localhost has only {addresses}, and user namespaces are not allowed ({done.stderr}): "
        "add '::1 localhost' to /etc/hosts"
    )
    return options | {"hosts_file": hosts}


@pytest.mark.parametrize("scheme", ["http", "https", "udp"])
@pytest.mark.parametrize(("seeder", "leecher"), [(NEW, OLD), (OLD, NEW)])
def test_one_session_over_two_address_families_is_counted_once(
    tracker, make_client, make_content, dual_stack, seeder, leecher, scheme
):
    torrent = make_content(FILE_BYTES)
    sides = (seeder, dual_stack), (leecher, dual_stack)
    transfer = make_transfer(tracker, make_client, torrent, *sides)
    transfer.run(lambda user: [tracker.announce_url(user, scheme, host="localhost")])


@pytest.mark.parametrize(
    ("seeder", "leecher", "url_host"), [("qbittorrent", NEW, "127.0.0.1"), (NEW, "aria2", "[::1]")]
)
def test_a_dual_stack_client_meets_one_of_a_single_family(
    tracker, make_client, make_content, dual_stack, seeder, leecher, url_host
):
    bind = {"bind": url_host.strip("[]")}
    sides = [(name, dual_stack if name == NEW else bind) for name in (seeder, leecher)]
    transfer = make_transfer(tracker, make_client, make_content(FILE_BYTES), *sides)
    clients = {transfer.seeding_user: transfer.seeder, transfer.leeching_user: transfer.leecher}

    def urls(user):
        host = "localhost" if clients[user].name == NEW else url_host
        return [tracker.announce_url(user, host=host)]

    transfer.run(urls)


def test_a_hybrid_torrent_over_two_address_families_is_counted_once(
    tracker, make_client, make_content, dual_stack
):
    torrent = make_content(FILE_BYTES, "hybrid")
    options = dual_stack | {"stopped_announces": 4}
    sides = (NEW, options), (OLD, options)
    transfer = make_transfer(tracker, make_client, torrent, *sides)
    transfer.run(lambda user: [tracker.announce_url(user, host="localhost")])


def test_two_trackers_of_one_site_in_one_torrent_are_counted_once(
    tracker, make_client, make_content
):
    torrent = make_content(FILE_BYTES)
    options = {"interfaces": BOTH, "stopped_announces": 2}
    sides = (OLD, options), (NEW, options)
    transfer = make_transfer(tracker, make_client, torrent, *sides)
    transfer.run(lambda user: [tracker.announce_url(user, host=h) for h in ("127.0.0.1", "[::1]")])
