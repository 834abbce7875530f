"""Bounded waiting."""

import time


class WaitTimeout(AssertionError):
    """Something that should have happened did not."""


def wait_until(condition, timeout_seconds, what, every_seconds=0.1):
    """Calls `condition` until it returns something true and returns that."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise WaitTimeout(f"not within {timeout_seconds} s: {what}")
        time.sleep(every_seconds)
