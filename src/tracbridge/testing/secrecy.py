"""Everything that a connector can be made to say, to be searched for what nobody may see."""

import logging
import traceback
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager

from loguru import logger

from tracbridge.sdk import Connector, Fetches, Peeks, Probes, Record, Rereads, Write
from tracbridge.testing.rig import drain


def said(problem: BaseException) -> str:
    """An error in each way in which it can come to light, its causes included."""
    return "\n".join(
        f"{one}\n{one!r}\n{one.args!r}\n{vars(one)!r}\n{''.join(traceback.format_exception(one))}"
        for one in _causes(problem)
    )


def _causes(problem: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException | None] = [None]
    open_: list[BaseException | None] = [problem]
    while open_:
        one = open_.pop()
        if one is not None and one not in seen:
            seen.append(one)
            open_ += [one.__cause__, one.__context__]
            yield one


async def provoked(
    connector: Connector, known: Sequence[Record], writes: Sequence[Write]
) -> list[BaseException]:
    """Every error that the connector raises or answers, asked in each way there is."""
    questions: list[Awaitable[object]] = [
        connector.check(),
        drain(connector),
        *[connector.write([write]) for write in writes],
    ]
    if isinstance(connector, Fetches):
        questions.append(connector.fetch([record.ref or "" for record in known]))
    if isinstance(connector, Rereads):
        questions.append(connector.reread(known))
    if isinstance(connector, Probes):
        questions.append(connector.probe(writes))
    if isinstance(connector, Peeks):
        questions.append(connector.look())
    found: list[BaseException] = []
    for question in questions:
        found += await _problems(question)
    found += [record.error for record in known if record.error]
    return found


async def _problems(question: Awaitable[object]) -> list[BaseException]:
    try:
        answers = await question
    except Exception as error:
        return [error]
    listed = answers if isinstance(answers, Sequence) else ()
    return [answer for answer in listed if isinstance(answer, BaseException)]


@contextmanager
def overheard() -> Iterator[list[str]]:
    """Everything that is logged meanwhile."""
    lines: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    ear, root = Ear(), logging.getLogger()
    level = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    heard = logger.add(lambda message: lines.append(str(message)), level=0)
    try:
        yield lines
    finally:
        logger.remove(heard)
        root.removeHandler(ear)
        root.setLevel(level)
