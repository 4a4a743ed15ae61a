"""The crash hook: tests kill the process right after a chosen durable step."""

import os
import signal
from collections.abc import Mapping

from tracbridge.domain.errors import SettingError, shown

VARIABLE = "CRASH_AT"


class Steps:
    """Counts the durable steps that were passed, and dies by SIGKILL where ``spec`` says so.

    ``spec`` is ``<step>:<n>``: at the n-th passing of that step. Empty, as in every real run, it
    does nothing.
    """

    __slots__ = ("_left", "_step")

    def __init__(self, spec: str = "") -> None:
        self._step, self._left = _parsed(spec) if spec else ("", 0)

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Steps":
        """The hook as the environment asks for it."""
        return cls(environ.get(VARIABLE, ""))

    async def passed(self, step: str) -> None:
        """``step`` is durable now."""
        if step != self._step:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _parsed(spec: str) -> tuple[str, int]:
    step, _, times = spec.rpartition(":")
    if not step or not times.isdecimal() or int(times) < 1:
        raise SettingError(f"{VARIABLE}={shown(spec)} is not of the form <step>:<n>, n from 1 on.")
    return step, int(times)
