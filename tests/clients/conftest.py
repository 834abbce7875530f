"""Fixtures: a tracker per test, clients that always end, logs of both when a test fails."""

import itertools
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("drivers", "tracker", "transfer")

from drivers import CLIENTS  # noqa: E402
from torrents import make_torrent  # noqa: E402
from tracker import Fake, Mika  # noqa: E402


def pytest_addoption(parser):
    parser.addoption(
        "--fake",
        action="store_true",
        help="run against the fake tracker, as a test of the tests themselves",
    )


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for name, log in item.stash.get(LOGS, lambda: [])():
            report.sections.append((name, log))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call():
    """Ends a test that hangs, whatever it waits for."""

    def expired(*_):
        raise TimeoutError(f"the test took more than {TEST_SECONDS} s")

    before = signal.signal(signal.SIGALRM, expired)
    signal.alarm(TEST_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


LOGS = pytest.StashKey()
TEST_SECONDS = 150


@pytest.fixture
def logs(request):
    """Things with a `log_tail` that shall be shown if the test fails."""
    sources = []
    request.node.stash[LOGS] = lambda: [(name, source.log_tail()) for name, source in sources]
    return sources


@pytest.fixture
def tracker(request, tmp_path, logs):
    """A tracker that listens, without users or torrents."""
    kind = Fake if request.config.getoption("--fake") else Mika
    tracker = kind(tmp_path / "tracker")
    logs.append(("tracker", tracker))
    try:
        tracker.start()
        yield tracker
    finally:
        tracker.discard()


@pytest.fixture
def make_client(tmp_path, logs):
    """Makes a client by its name in `drivers.CLIENTS`; all of them are killed at the end."""
    clients = []
    counter = itertools.count(1)

    def make(name, **options):
        client = CLIENTS[name](directory=tmp_path / f"{next(counter)}-{name}", **options)
        clients.append(client)
        logs.append((name, client))
        return client

    yield make
    for client in clients:
        client.kill()


@pytest.fixture
def make_content(request):
    """Makes a torrent whose content depends on the name of the test only."""

    def make(size, version="v1"):
        return make_torrent(request.node.name, size, version)

    return make
