"""The log: one line on stderr for each batch and each incident, never a payload, never a secret.

loguru does the levels and the locking, and is loaded by the first call, not by the import. What a
line looks like is decided here: its ``diagnose`` and ``backtrace`` would print variables.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC
from typing import TYPE_CHECKING

from tracbridge.adapters.observe import redact

if TYPE_CHECKING:
    from loguru import Logger, Message, Record

Event = dict[str, object]
"""What one line says: time, level, message and run, and the fields of the event between them."""


def configure(level: str, log_format: str, run: str) -> None:
    """Log from ``level`` on to stderr, as ``text`` or ``json``, each line with the id of the run.

    May be called again; the last call counts. A stderr that is closed or full loses lines and
    never stops the work. What libraries warn of is told in lines of the same kind.
    """
    render = as_json if log_format == "json" else as_text

    def sink(message: Message) -> None:
        _write(render(_event(message.record, run)))

    logger = _logger()
    logger.remove()
    logger.add(sink, level=level, format="{message}", backtrace=False, diagnose=False)
    logging.getLogger().addHandler(_LIBRARIES)  # once, however often


class _Libraries(logging.Handler):
    """Without it Python would print them as they are: many lines, and nothing hidden."""

    def emit(self, record: logging.LogRecord) -> None:
        """As an event of ours."""
        told = (
            _logger()
            .opt(exception=record.exc_info)
            .bind(library=record.name, what=record.getMessage())
        )
        (told.error if record.levelno >= logging.ERROR else told.warning)("library.warned")


_LIBRARIES = _Libraries(logging.WARNING)


class LogObserver:
    """Reports what happens, in the log: one event for each batch and each incident.

    ``connection``: stands in each line where there are several, "" where there is one.
    """

    def __init__(self, connection: str = "") -> None:
        self._always = {"connection": connection} if connection else {}

    def batch(self, flow: str, counts: Mapping[str, int]) -> None:
        """A batch of one flow is settled; ``counts`` by outcome."""
        _logger().bind(**self._always, flow=flow, **counts).info("batch.settled")

    def incident(self, code: str, where: str, message: str) -> None:
        """Something went wrong that a person may want to see; the work goes on."""
        fields = {**self._always, "code": code, "where": where, "what": message}
        _logger().bind(**fields).warning("incident.recorded")

    def info(self, message: str, **fields: object) -> None:
        """Anything else: ``message`` is the event's name (noun.verb_past), fields stand apart."""
        _logger().bind(**self._always, **fields).info(message)


def as_json(event: Event) -> str:
    """One JSON object, in ASCII: nothing in it can break or repaint the line."""
    return json.dumps(event, default=str).replace("\x7f", "\\u007f") + "\n"


def as_text(event: Event) -> str:
    """``time LEVEL message key=value ...``; a value that is not one word is written as JSON."""
    head = ("time", "level", "message")
    start = f"{event['time']} {event['level']:<8} {redact.one_line(str(event['message']))}"
    pairs = (f" {redact.one_line(k)}={_word(v)}" for k, v in event.items() if k not in head)
    return start + "".join(pairs) + "\n"


def _word(value: object) -> str:
    if isinstance(value, str) and value and not set(value) & set(" \"'="):
        return redact.one_line(value)
    return redact.one_line(json.dumps(value, default=str, ensure_ascii=False))


def _event(record: Record, run: str) -> Event:
    time = record["time"].astimezone(UTC).isoformat(timespec="milliseconds")
    extra = {name: redact.value(name, given) for name, given in record["extra"].items()}
    event: Event = {
        "time": time.replace("+00:00", "Z"),
        "level": record["level"].name,
        "message": redact.text(record["message"]),
        "run": extra.pop("run", run),
    }
    return event | {k: v for k, v in extra.items() if k not in event} | _error(record)


def _error(record: Record) -> Event:
    """What was raised and where; the frames without their variables."""
    raised = record["exception"]
    if raised is None or raised.type is None:
        return {}
    frames = "".join(traceback.format_tb(raised.traceback)).rstrip()
    return {
        "error": redact.text(f"{raised.type.__name__}: {raised.value}"),
        "frames": redact.text(frames),
    }


def _write(line: str) -> None:
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(line)
        sys.stderr.flush()
    except ValueError:
        return
    except OSError:
        _silence()


def _silence() -> None:
    """Nobody reads stderr any more: send it to nowhere, or Python fails on it again at its exit."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        broken = sys.stderr.fileno()
        if nowhere != broken:
            os.dup2(nowhere, broken)
            os.close(nowhere)
    except (OSError, ValueError):
        return


def _logger() -> Logger:
    from loguru import logger  # noqa: PLC0415 (50 ms that a short command need not pay)

    return logger
