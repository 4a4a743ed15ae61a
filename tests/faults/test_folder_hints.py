"""The operating system tells nothing of new files, or loses count of them: they are taken all the
same.
"""

import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.service import fair, serving
from tests.faults.test_hints import SELDOM, served
from tests.harness import World, doc, order

OFTEN = (*SELDOM[:-1], "0.3")

LIMITS = Path("/proc/sys/user")
"""What a user namespace may use; a number in it counts for that namespace alone."""

QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")


def without(limit: str) -> Sequence[str]:
    """Words before a command, which then may use nothing of that; skips where we may not say so."""
    if not shutil.which("unshare") or not (LIMITS / limit).exists():
        pytest.skip("there are no user namespaces here")
    script = f'echo 0 > {LIMITS / limit} && exec "$@"'
    words = ["unshare", "--map-root-user", "sh", "-c", script, "sh"]
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespace can be made here")
    return words


@pytest.mark.parametrize("limit", fair(["max_inotify_instances", "max_inotify_watches"], [1]))
def test_where_nothing_may_be_watched_the_folder_is_looked_at_every_so_often(
    world: World, limit: str
) -> None:
    world.before = without(limit)
    with serving(world, *OFTEN) as service:
        world.drop(order(7))
        service.until(lambda: world.doc(7))
        world.orders.insert_one(doc(8))
        service.until(lambda: world.sent(8))
        assert "incident" not in service.text
        service.stop()


@pytest.mark.faults
@pytest.mark.skipif(not QUEUE.exists(), reason="there is no inotify here")
def test_more_files_than_the_kernel_keeps_events_for_are_all_taken(world: World) -> None:
    """While we stand still nobody reads the events, so that some of them are lost for sure."""
    many = int(QUEUE.read_text()) + 1_000
    if many > 50_000:
        pytest.skip("the kernel keeps too many events here")
    with served(world) as service:
        world.drop(order(1))
        service.until(lambda: world.doc(1))
        service.process.send_signal(signal.SIGSTOP)
        try:
            for number in range(2, many + 2):
                world.drop(order(number))
        finally:
            service.process.send_signal(signal.SIGCONT)
        service.until(lambda: not list(world.inbound.glob("*.json")))
        service.until(lambda: world.orders.count_documents({}) == many + 1)
        world.drop(order(many + 2))
        service.until(lambda: world.doc(many + 2))
        service.stop()
