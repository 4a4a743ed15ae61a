"""Spans for OpenTelemetry: one per pass, and one per batch inside of it.

Only where its SDK is installed (the extra ``otel``) and the environment says where spans go; else
nothing is loaded and nothing is done. A span has numbers and our own words, never a payload.
"""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from threading import Thread
from time import time_ns
from typing import Any

WHERE = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Variables that say where spans go."""

PATIENCE = 2.0
"""Seconds for the last spans."""

NEEDED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


class Traces:
    """The spans of one process. ``tracer``: OpenTelemetry's."""

    def __init__(self, tracer: Any, provider: Any = None) -> None:
        self._tracer, self._provider = tracer, provider
        self._trace = import_module("opentelemetry.trace")
        self._open: dict[tuple[str, str], _Pass] = {}

    def begin(self, of: tuple[str, str], run: str) -> None:
        """A pass of that connection (tenant, name) has begun; telling it again changes nothing."""
        known = self._open.get(of)
        if known and known.run == run:
            return
        if known:
            self._end(of, "failed")  # it was broken off, and nobody told
        names = {"tracbridge.tenant": of[0], "tracbridge.connection": of[1], "tracbridge.run": run}
        span = self._tracer.start_span("tracbridge.pass", attributes=names)
        self._open[of] = _Pass(run, span, time_ns())

    def batch(self, of: tuple[str, str], flow: str, counts: Mapping[str, int]) -> None:
        """A batch is settled: it began where the one before it, or the pass, did."""
        known = self._open.get(of)
        if known is None:
            return
        now = time_ns()
        figures = {f"tracbridge.{name}": count for name, count in counts.items() if count}
        span = self._tracer.start_span(
            "tracbridge.batch",
            context=self._trace.set_span_in_context(known.span),
            start_time=known.since,
            attributes={"tracbridge.flow": flow, **figures},
        )
        span.end(now)
        known.since = now

    def end(self, of: tuple[str, str], run: str, result: str) -> None:
        """A pass ended: ``ok``, ``attention`` or ``failed``."""
        if of in self._open and self._open[of].run == run:
            self._end(of, result)

    def _end(self, of: tuple[str, str], result: str) -> None:
        span = self._open.pop(of).span
        span.set_attribute("tracbridge.result", result)
        if result == "failed":
            span.set_status(self._trace.StatusCode.ERROR)
        span.end()

    def close(self) -> None:
        """Send what is left; waits for it, but not for long: a receiver that is away loses it."""
        for of in list(self._open):
            self._end(of, "failed")
        if self._provider is not None:
            last = Thread(target=self._provider.shutdown, daemon=True)
            last.start()
            last.join(PATIENCE)


class _Pass:
    def __init__(self, run: str, span: Any, since: int) -> None:
        self.run, self.span, self.since = run, span, since


def traces(environ: Mapping[str, str]) -> Traces | None:
    """What the environment asks for; None where it asks for none, or the packages are not there."""
    asked = any(environ.get(name, "").strip() for name in WHERE)
    off = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if not asked or off or environ.get("OTEL_TRACES_EXPORTER", "otlp").strip() == "none":
        return None
    if not installed():
        return None
    sdk, export = import_module("opentelemetry.sdk.trace"), "opentelemetry.exporter.otlp.proto.http"
    resources = import_module("opentelemetry.sdk.resources")
    named = environ.get("OTEL_SERVICE_NAME", "").strip() or "tracbridge"
    resource = resources.Resource.create({"service.name": named})
    provider = sdk.TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = import_module(f"{export}.trace_exporter").OTLPSpanExporter()
    processor = import_module("opentelemetry.sdk.trace.export").BatchSpanProcessor(exporter)
    provider.add_span_processor(processor)
    return Traces(provider.get_tracer("tracbridge"), provider)


def installed() -> bool:
    """Whether OpenTelemetry's SDK and its exporter are there."""
    try:
        return all(find_spec(name) is not None for name in NEEDED)
    except ModuleNotFoundError:
        return False
