"""One transfer between two clients, from the first announce to the final account."""

import time
from dataclasses import dataclass

from waiting import wait_until

FILE_BYTES = 3 * 1024 * 1024 + 12_345
COMPLETE_SECONDS = 60


@dataclass
class Transfer:
    """A seeder and a leecher of one torrent, each with a user of its own."""

    tracker: object
    torrent: object
    seeder: object
    leecher: object
    seeding_user: object
    leeching_user: object

    def run(self, urls):
        """The whole of it. `urls` makes the list of announce URLs of a user."""
        self.start(urls)
        self.finish()

    def start(self, urls):
        """Starts the seeder, and the leecher once the tracker knows the seeder."""
        self.start_one(self.seeder, self.seeding_user, urls, seed=True)
        self.seeder.wait_complete(30)
        self.tracker.wait_swarm(self.torrent, seeders=1, leechers=0)
        self.start_one(self.leecher, self.leeching_user, urls, seed=False)

    def start_one(self, client, user, urls, seed):
        """Starts one client with a .torrent that has the user's passkey."""
        path = self.torrent.write(client.directory / "user.torrent", urls(user))
        client.start(self.torrent, path, seed)

    def wait_counted(self, beyond=(0, 0)):
        """Waits until both users were credited more than `beyond` and returns what they were.

        `beyond` and the result are the seeder's uploaded and the leecher's downloaded bytes. The
        time allows for libtorrent's use of a UDP connection id, which is a minute.
        """

        def counted():
            self.seeder.poke()
            self.leecher.poke()
            uploaded, _ = self.tracker.totals(self.seeding_user)
            _, downloaded = self.tracker.totals(self.leeching_user)
            return uploaded > beyond[0] and downloaded > beyond[1] and (uploaded, downloaded)

        return wait_until(counted, 30, f"both users are credited more than {beyond}")

    def finish(self):
        """Waits for completion, ends both clients and compares all accounts."""
        self.leecher.wait_complete(COMPLETE_SECONDS, others=[self.seeder])
        self.leecher.check_content()
        self.leecher.stop()
        # libtorrent counts what it has sent once a second; ended before that, it reports less.
        time.sleep(1.2)
        self.seeder.stop()
        self.tracker.wait_swarm(self.torrent, seeders=0, leechers=0)
        self.check_totals()

    def check_totals(self):
        """Asserts that the tracker credited exactly what the clients say."""
        reported = self.reported()
        self.tracker.check_announced(self.seeding_user, reported[0])
        self.tracker.check_announced(self.leeching_user, reported[1])
        credited = self.tracker.final_totals([self.seeding_user, self.leeching_user])
        assert credited == reported
        assert self.tracker.swarm(self.torrent) == (0, 0, 1)

    def reported(self):
        """[(uploaded, downloaded) of the seeder, … of the leecher] by their own account.

        The two need not agree: when there were two connections between them, a block may have come
        twice; libtorrent then announces only what it could use. Transmission also counts headers.
        What counts is that the tracker credits what each of them says.
        """
        sent, fetched = self.seeder.reported_totals()
        back, got = self.leecher.reported_totals()
        assert got >= self.torrent.size, "the leecher says that it got less than the file"
        assert sent > 0, "the seeder says that it sent nothing"
        assert (back, fetched) == (0, 0), "a leecher has nothing to give to the only seeder"
        return [(sent, 0), (0, got)]


def make_transfer(tracker, make_client, torrent, seeder, leecher):
    """Registers the torrent and two users; `seeder` and `leecher` are (client name, options)."""
    tracker.add_torrent(torrent)
    clients = [make_client(name, **options) for name, options in (seeder, leecher)]
    users = [tracker.add_user("seeding"), tracker.add_user("leeching")]
    return Transfer(tracker, torrent, *clients, *users)
