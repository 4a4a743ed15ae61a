"""A command as somebody sees it on a terminal of a certain width."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from contextlib import suppress

from tests.harness import World

MOVES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(world: World, width: int, *words: str) -> str:
    """What it says there, without colours."""
    us, them = pty.openpty()
    fcntl.ioctl(them, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    command = [sys.executable, "-m", "tracbridge", *words]
    parts: list[bytes] = []
    with (
        os.fdopen(us, "rb", buffering=0) as screen,
        subprocess.Popen(
            command,
            cwd=world.root,
            env=world.env,
            stdin=them,
            stdout=them,
            stderr=subprocess.DEVNULL,
        ),
    ):
        os.close(them)
        with suppress(OSError):  # Linux: the last writer is gone
            while part := screen.read(65_536):
                parts.append(part)
    return MOVES.sub("", b"".join(parts).decode().replace("\r\n", "\n"))
