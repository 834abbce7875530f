"""A minimal client on libtorrent's Python binding: runs inside the environment of one version.

Reads one JSON command per line on standard input and answers each with one JSON line.
"""

import json
import sys
import time

import libtorrent as lt

OFF = {
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
}
STOP_SECONDS = 10
ALERTS = (
    int(lt.alert.category_t.error_notification)
    | int(lt.alert.category_t.peer_notification)
    | int(lt.alert.category_t.status_notification)
    | int(lt.alert.category_t.storage_notification)
    | int(lt.alert.category_t.torrent_log_notification)
    | int(lt.alert.category_t.tracker_notification)
)


class Client:
    """One session with one torrent."""

    def __init__(self, options):
        settings = OFF | {
            "listen_interfaces": options["listen_interfaces"],
            "ssrf_mitigation": False,
            "validate_https_trackers": False,
            "min_announce_interval": 1,
            "tracker_backoff": 10,
            "tracker_completion_timeout": 6,
            "tracker_receive_timeout": 3,
            "min_reconnect_time": 1,
            "in_enc_policy": int(lt.enc_policy.disabled),
            "out_enc_policy": int(lt.enc_policy.disabled),
            "unchoke_interval": 1,
            "peer_connect_timeout": 5,
            "alert_mask": ALERTS,
            "alert_queue_size": 20_000,
        }
        self.session = lt.session(settings)
        self.unanswered = 0
        self.stopped_sent = 0
        parameters = lt.add_torrent_params()
        parameters.ti = lt.torrent_info(options["torrent_file"])
        parameters.save_path = options["save_path"]
        parameters.flags &= ~lt.torrent_flags.auto_managed
        parameters.flags &= ~lt.torrent_flags.paused
        if options["rate_limit"]:
            parameters.upload_limit = options["rate_limit"]
        self.handle = self.session.add_torrent(parameters)

    def take_alerts(self):
        """Logs the alerts since the last call to standard error and counts those of trackers."""
        for alert in self.session.pop_alerts():
            name, message = type(alert).__name__, alert.message()
            # Of libtorrent's own log only the requests to trackers, with their counters.
            if name != "torrent_log_alert" or "==> " in message and "TRACKER" in message:
                print(f"{time.time():.3f} {name} {message}", file=sys.stderr)
            if isinstance(alert, lt.tracker_announce_alert):
                self.unanswered += 1
                self.stopped_sent += alert.event == lt.event_t.stopped
            elif isinstance(alert, (lt.tracker_reply_alert, lt.tracker_error_alert)):
                self.unanswered -= 1
        sys.stderr.flush()

    def wait(self, condition):
        """Waits for a condition that alerts bring about; returns whether it came about."""
        deadline = time.monotonic() + STOP_SECONDS
        self.take_alerts()
        while not condition() and time.monotonic() < deadline:
            self.session.wait_for_alert(200)
            self.take_alerts()
        return condition()

    def status(self):
        """Progress, and the counters that libtorrent itself announces."""
        self.take_alerts()
        status = self.handle.status()
        return {
            "completed": status.total_wanted_done,
            "state": str(status.state),
            "peers": status.num_peers,
            "uploaded": status.total_payload_upload,
            # It announces what it could use (unless the setting report_true_downloaded is on).
            "downloaded": status.total_payload_download
            - status.total_failed_bytes
            - status.total_redundant_bytes,
        }

    def reannounce(self):
        """An announce now, whatever the tracker's minimum interval says."""
        self.take_alerts()
        self.handle.force_reannounce(0, -1, lt.reannounce_flags_t.ignore_min_interval)
        return {}

    def stop(self, announces):
        """Pauses, which announces `stopped`, and waits for the answers to as many of these.

        Not while another announce is under way: it would take the place of `stopped`.
        """
        self.wait(lambda: self.unanswered == 0)
        self.handle.pause()
        answered = self.wait(lambda: self.stopped_sent >= announces and self.unanswered == 0)
        return self.status() | {"answered": answered}


def main():
    client = Client(json.loads(sys.argv[1]))
    print(json.dumps({"version": lt.version}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        name = command.pop("command")
        answer = {"status": client.status, "reannounce": client.reannounce, "stop": client.stop}
        print(json.dumps(answer[name](**command)), flush=True)
        if name == "stop":
            break


main()
