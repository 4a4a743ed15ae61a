"""Spans: one per pass, one per batch inside of it, with numbers and words of our own."""

from typing import Any

import pytest

from tracbridge.adapters.observe.trace import Traces, traces

pytest.importorskip("opentelemetry.trace", reason="OpenTelemetry's API is not installed")

PLANT = ("acme", "plant")


class Span:
    def __init__(self, name: str, start: int | None, attributes: dict[str, Any]) -> None:
        self.name, self.start, self.attributes = name, start, dict(attributes)
        self.ended: int | None = None
        self.status: object = None
        self.over = False

    def set_attribute(self, key: str, value: object) -> None:
        self.attributes[key] = value

    def set_status(self, status: object) -> None:
        self.status = status

    def end(self, at: int | None = None) -> None:
        assert not self.over
        self.ended, self.over = at, True


class Tracer:
    """OpenTelemetry's, as far as it is used; keeps what it is given."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def start_span(
        self, name: str, context: object = None, start_time: int | None = None, **more: Any
    ) -> Span:
        span = Span(name, start_time, more["attributes"])
        self.spans.append(span)
        return span


def test_a_pass_and_its_batches_are_spans() -> None:
    tracer = Tracer()
    told = Traces(tracer)
    told.begin(PLANT, "r1")
    told.begin(PLANT, "r1")
    told.batch(PLANT, "inbound", {"read": 3, "created": 0})
    told.batch(PLANT, "outbound", {"read": 1})
    told.end(PLANT, "r1", "attention")
    passed, first, second = tracer.spans
    assert passed.attributes == {
        "tracbridge.tenant": "acme",
        "tracbridge.connection": "plant",
        "tracbridge.run": "r1",
        "tracbridge.result": "attention",
    }
    assert first.attributes == {"tracbridge.flow": "inbound", "tracbridge.read": 3}
    assert first.ended == second.start
    assert all(span.over for span in tracer.spans)


def test_a_pass_that_nobody_ended_has_failed() -> None:
    tracer = Tracer()
    told = Traces(tracer)
    told.begin(PLANT, "r1")
    told.begin(PLANT, "r2")
    told.end(PLANT, "r1", "ok")  # late news of one that is over
    told.close()
    assert [span.attributes["tracbridge.result"] for span in tracer.spans] == ["failed"] * 2
    assert all(span.status is not None for span in tracer.spans)


def test_batches_outside_of_a_pass_are_no_spans() -> None:
    tracer = Tracer()
    Traces(tracer).batch(PLANT, "retention", {"files": 1})
    assert tracer.spans == []


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_SERVICE_NAME": "x"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_nothing_is_traced_that_nobody_asked_for(environ: dict[str, str]) -> None:
    assert traces(environ) is None
