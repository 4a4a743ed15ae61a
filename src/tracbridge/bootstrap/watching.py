"""Who looks on at a serving process: counts, alerts and daily reports, wired."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Protocol

import orjson
from msgspec.structs import replace

from tracbridge.adapters.mongo.stores import MongoRuns
from tracbridge.adapters.observe import redact
from tracbridge.adapters.observe.hooks import Mail, Webhook
from tracbridge.adapters.observe.metrics import CONTENT_TYPE, Metrics, Process, Reading
from tracbridge.adapters.observe.trace import Traces, traces
from tracbridge.bootstrap import Service
from tracbridge.bootstrap.hosting import Hosted
from tracbridge.bootstrap.readings import Readings
from tracbridge.config.settings import Settings
from tracbridge.config.watching import AlertSettings, WatchSettings
from tracbridge.domain.errors import RetryableError, SettingError, TracbridgeError
from tracbridge.engine.reconcile import Reconciliation
from tracbridge.ports.runtime import Observer
from tracbridge.runtime import alerts, daily
from tracbridge.runtime.alerts import Hook, Limits, Message, News
from tracbridge.runtime.fleet import Launch
from tracbridge.runtime.runner import Stop
from tracbridge.runtime.vitals import Vitals
from tracbridge.runtime.work import TROUBLED, Turn, Work, Workplace

__all__ = ["CONTENT_TYPE", "Watch", "hooks_of", "traces"]

EVERY = 30.0
"""Seconds between two looks whether somebody is to be told something."""

REPORTED = "report"
"""Added to a hook's name: the day whose report it took last."""


class Log(Observer, Protocol):
    """What happens to the process itself is told here."""

    def info(self, message: str, **fields: object) -> None:
        """Something that is as it should be."""


class Watch:
    """Everything that looks on. ``hooks``: who is told; ``traces``: where spans go, if anywhere."""

    def __init__(
        self,
        hosted: Hosted,
        settings: WatchSettings,
        log: Log,
        hooks: Collection[Hook] = (),
        traces: Traces | None = None,
    ) -> None:
        self.hosted, self.settings, self.hooks, self._log = hosted, settings, hooks, log
        self.traces = traces
        self.metrics, self.vitals = Metrics(), Vitals()
        self.readings = Readings(hosted, self.vitals)
        self._days: dict[str, str] = {}
        self._calm: set[tuple[str, str]] = set()
        self._heard: dict[tuple[str, str], str] = {}

    # -- what is counted -------------------------------------------------------------------

    def observer(self, inner: Observer, connection: str) -> Observer:
        """Counts what that connection tells, and tells ``inner``."""
        tenant = self.hosted.tenant_of(connection)
        counted = self.metrics.observer(inner, tenant, connection)
        noting = _Noting(counted, self.vitals, connection, self.hosted.now)
        return _Traced(noting, self.traces, (tenant, connection)) if self.traces else noting

    def launch(self, launch: Launch) -> Launch:
        """Begins connections as ``launch`` does, and notes how their passes end."""

        async def launched(settings: Settings, stop: Stop, turn: Turn) -> Work:
            async def noted(work: Callable[[], Awaitable[None]]) -> None:
                await turn(work)
                self.vitals.succeeded(settings.name, self.hosted.now())

            work = await launch(settings, stop, noted)
            work.place = _counted(work.place, self.metrics, self.traces)
            return work

        return launched

    async def page(self, tenants: Collection[str] | None = None) -> bytes:
        """The page for Prometheus, of the connections of these tenants; None is of all, and of the
        process. Takes no longer than `tracbridge.bootstrap.readings.BOUND` seconds and a little.
        """
        found = await self.readings.of(tenants)
        process = Process(self.readings.reachable, self.hosted.hub.dropped)
        now, whole = self.hosted.now(), tenants is None
        # A long page would keep the sync waiting, so it is written in a thread.
        return await asyncio.to_thread(self.metrics.page, found, process, now, whole=whole)

    # -- who is told -----------------------------------------------------------------------

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """While the block runs, reports are made and hooks are told. What goes wrong there is
        logged, and stops nothing else.
        """
        works = (self._report, self._alert)
        tasks = [asyncio.create_task(self._for_ever(work)) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self.traces:
                await asyncio.to_thread(self.traces.close)

    async def _for_ever(self, work: Callable[[], Awaitable[None]]) -> None:
        """First after a while: the first passes have the machine for themselves."""
        said = ""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await work()
                said = ""
            except Exception as error:
                words = f"{type(error).__name__}: {error}"
                if words != said:
                    self._log.incident("watch_failed", "", words)
                said = words

    async def look(self) -> None:
        """Make the reports that are due, and tell each hook what it is to hear."""
        await self._report()
        await self._alert()

    async def _alert(self) -> None:
        """One hook after the other; what does not take a message is left alone for now."""
        if not self.hooks:
            return
        found = await self.readings.of()
        for hook in self.hooks:
            for reading in found:
                if not await self._told(hook, reading):
                    break

    async def _told(self, hook: Hook, reading: Reading) -> bool:
        """Tell it of one connection; False where it does not take messages just now."""
        service = await self._service(reading.connection)
        if service is None:
            return True
        facts, key = self._facts(reading), (hook.name, reading.connection)
        if not facts and key in self._calm:
            return await self._told_report(hook, service)
        passes, now = service.connection.passes, self.hosted.now()
        whose = reading.tenant, reading.connection
        for message, error in await alerts.tell(hook, passes, facts, whose, now):
            self._sent(hook, message, error)
            if error:
                return False
        self._calm = self._calm | {key} if not facts else self._calm - {key}
        return await self._told_report(hook, service)

    def _facts(self, reading: Reading) -> list[alerts.Fact]:
        """Words that come from outside are made harmless."""
        config = self.settings.alerts
        limits = Limits(config.age, config.group, config.down)
        known = replace(reading, why=redact.one_line(redact.text(reading.why)))
        return alerts.facts_of(known, limits, self.hosted.now())

    def _sent(self, hook: Hook, message: Message, error: TracbridgeError | None) -> None:
        self.metrics.alerted(hook.name, taken=error is None)
        fields = {"hook": hook.name, "connection": message.connection, "id": message.id}
        if error:
            self._log.incident("alert_failed", hook.name, str(error))
        else:
            self._log.info("alert.sent", news=message.news.value, cause=message.cause, **fields)

    async def _service(self, name: str) -> Service | None:
        try:
            return await self.hosted.service(name)
        except TracbridgeError:
            return None

    # -- the daily report ------------------------------------------------------------------

    async def _report(self) -> None:
        """One connection after the other, so that the sync goes on beside it."""
        config = self.settings.reports
        for name in self.hosted.connections() if config.at else ():
            service = await self._service(name)
            if service is None or config.at is None:
                continue
            last = await self._last(service)
            if day := daily.due(self.hosted.now(), config.at, config.zone, last):
                await self._made(service, day)

    async def _last(self, service: Service) -> str:
        if service.name not in self._days:
            kept = await daily.reports(service.connection.passes)
            self._days[service.name] = kept[0].day if kept else ""
        return self._days[service.name]

    async def _made(self, service: Service, day: str) -> None:
        """The report of that day; where a system is away it is due again later."""
        at = self.hosted.now()
        try:
            walk = Reconciliation(service.connection, await service.everything())
            report = await daily.count(walk(), day, at)
        except RetryableError:
            return
        except TracbridgeError as error:
            report = daily.Report(day, at, 0.0, 0, {}, redact.text(str(error)))
        await daily.keep(service.connection.passes, report)
        self._days[service.name] = day
        self._log.info("report.made", connection=service.name, **_plain(report))

    async def _told_report(self, hook: Hook, service: Service) -> bool:
        """The latest report, once."""
        known = hook.name, service.name
        if self._heard.get(known, "") >= self._days.get(service.name, ""):
            return True
        latest = next(iter(await daily.reports(service.connection.passes)), None)
        passes, key = service.connection.passes, f"{hook.name} {REPORTED}"
        kept: Mapping[str, Any] = await passes.cursor(alerts.KEPT) or {}
        if latest is None or kept.get(key, "") >= latest.day:
            self._heard[known] = self._days[service.name]
            return True
        message = _message(service, latest, self.hosted.now())
        try:
            await hook.send(message)
        except TracbridgeError as error:
            self._sent(hook, message, error)
            return False
        await passes.keep_cursor(alerts.KEPT, {**kept, key: latest.day})
        self._sent(hook, message, None)
        return True


def _plain(report: daily.Report) -> dict[str, object]:
    return {"day": report.day, "orders": report.orders, "drift": report.drift}


def _message(service: Service, report: daily.Report, now: datetime) -> Message:
    id_ = alerts.message_id(service.name, News.REPORT, report.day)
    text, tenant = redact.one_line(report.text), service.settings.tenant
    data = {**report.json(), "at": report.at.isoformat()}
    return Message(id_, now, tenant, service.name, News.REPORT, "", text, data=data)


class _Noting:
    """Notes when a connection cannot run."""

    def __init__(
        self, inner: Observer, vitals: Vitals, connection: str, now: Callable[[], datetime]
    ) -> None:
        self._inner, self._vitals, self._name, self._now = inner, vitals, connection, now

    def batch(self, flow: str, counts: Mapping[str, int]) -> None:
        """As the observer behind it."""
        self._inner.batch(flow, counts)

    def incident(self, code: str, where: str, message: str) -> None:
        """The same."""
        if code == "connection_waits":
            self._vitals.failed(self._name, self._now(), message.partition(" Next attempt")[0])
        self._inner.incident(code, where, message)


class _Traced:
    """Makes a span of each batch."""

    def __init__(self, inner: Observer, traces: Traces, of: tuple[str, str]) -> None:
        self._inner, self._traces, self._of = inner, traces, of

    def batch(self, flow: str, counts: Mapping[str, int]) -> None:
        """A batch is settled."""
        self._traces.batch(self._of, flow, counts)
        self._inner.batch(flow, counts)

    def incident(self, code: str, where: str, message: str) -> None:
        """As the observer behind it."""
        self._inner.incident(code, where, message)


class _CountedRuns(MongoRuns):
    """The store of runs; each end is counted with its seconds, and each pass is a span."""

    def __init__(self, service: Service, metrics: Metrics, traces: Traces | None) -> None:
        super().__init__(service.state.database, service.name, service.host)
        self._metrics, self._traces = metrics, traces
        self._of = service.settings.tenant, service.name

    async def begin(self, run: str, at: datetime) -> None:
        """As the store itself."""
        await super().begin(run, at)
        if self._traces:
            self._traces.begin(self._of, run)

    async def end(self, run: str, at: datetime, counts: Mapping[str, Any]) -> None:
        """As the store itself, and counts it."""
        await super().end(run, at, counts)
        parts = (counts.get("counts") or {}).get("connections") or [{}]
        result = {0: "ok", TROUBLED: "attention"}.get(counts.get("exit", 1), "failed")
        self._metrics.passed(self._of, float(parts[0].get("seconds") or 0.0), result)
        if self._traces:
            self._traces.end(self._of, run, result)


def _counted(place: Workplace, metrics: Metrics, traces: Traces | None) -> Workplace:
    """The same place, with runs that are counted."""
    if not isinstance(place, Service):
        return place
    return replace(place, state=replace(place.state, runs=_CountedRuns(place, metrics, traces)))


# -- hooks -----------------------------------------------------------------------------------


class _ByWebhook:
    name = Webhook.name

    def __init__(self, webhook: Webhook) -> None:
        self._webhook = webhook

    async def send(self, message: Message) -> None:
        """As JSON."""
        await self._webhook.send(message.id, orjson.dumps(message.json()))


class _ByMail:
    name = Mail.name

    def __init__(self, mail: Mail) -> None:
        self._mail = mail

    async def send(self, message: Message) -> None:
        """As text."""
        since = f"\nSince: {message.since:%Y-%m-%d %H:%M:%S} UTC" if message.since else ""
        text = f"{message.text}\n\nConnection: {message.connection}{since}\n"
        await self._mail.send(message.id, redact.one_line(message.subject), text)


@asynccontextmanager
async def hooks_of(config: AlertSettings) -> AsyncIterator[list[Hook]]:
    """Those that the settings name; closed afterwards. Raises `SettingError` for an address that
    cannot be one.
    """
    hooks: list[Hook] = []
    try:
        webhook = (
            Webhook(config.webhook, config.secret, config.networks) if config.webhook else None
        )
    except SettingError as error:
        raise SettingError(f"TRACBRIDGE_ALERT_WEBHOOK: {error}") from None
    if webhook:
        hooks.append(_ByWebhook(webhook))
    if config.mail:
        hooks.append(_ByMail(Mail(config.mail, config.networks)))
    try:
        yield hooks
    finally:
        if webhook:
            await webhook.aclose()
