"""The figures as a table, as a part of the documentation, and as a picture."""

import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.flows import FLOWS, Figure
from benchmarks.mapping import Pair
from benchmarks.rest import Figure as RestFigure
from benchmarks.special import Case
from benchmarks.tenants import FLOWS as SHARED_FLOWS
from benchmarks.tenants import LATENCY, Shared

HEAD = (
    "flow", "orders", "orders/s", "baseline/s", "ratio", "ceiling/s", "share",
    "us/order", "our CPU us", "start s", "RSS MB", "load",
)  # fmt: skip
BEGIN, END = "<!-- figures: written by the benchmark -->", "<!-- end of figures -->"
REST_BEGIN, REST_END = "<!-- REST figures: written by the benchmark -->", "<!-- end of REST -->"
BLUE, ORANGE, GREY = "#3b82f6", "#f59e0b", "#808890"


def rows(figures: Sequence[Figure]) -> list[list[str]]:
    ordered = sorted(figures, key=lambda f: (list(FLOWS).index(f.flow), f.orders))
    return [_row(figure) for figure in ordered]


def _row(figure: Figure) -> list[str]:
    about = "" if figure.baseline_orders == figure.orders else "~"
    return [
        FLOWS[figure.flow],
        f"{figure.orders:,}",
        f"{figure.rate:,.0f}",
        f"{about}{figure.baseline_rate:,.0f}",
        f"{about}{figure.rate / figure.baseline_rate:.1f}x",
        f"{figure.ceiling_rate:,.0f}",
        f"{figure.rate / figure.ceiling_rate:.0%}",
        f"{figure.micros:,.0f}",
        f"{figure.cpu_micros:,.0f}" if figure.cpu else "",
        f"{figure.start:.2f}",
        f"{figure.rss_mb:.0f}",
        f"{figure.load:.1f}",
    ]


def growth(figures: Sequence[Figure]) -> list[str]:
    """Per flow: the cost per order at the largest size against the smallest, without start-up."""
    lines = []
    for flow, name in FLOWS.items():
        sizes = sorted((f for f in figures if f.flow == flow), key=lambda f: f.orders)
        if len(sizes) > 1:
            low, high = sizes[0], sizes[-1]
            ratio = high.micros / low.micros
            lines.append(f"{name}: {high.orders:,} against {low.orders:,}: {ratio:.2f}")
    return lines


def table(head: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """Plain columns; all but the first to the right."""
    widths = [max(len(row[i]) for row in (head, *cells)) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (head, *cells)
    )


def markdown(head: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def case_rows(cases: Sequence[Case]) -> list[list[str]]:
    return [[c.what, f"{c.seconds:.2f}", f"{c.inner:.2f}", f"{c.rss_mb:.0f}"] for c in cases]


PAIR_HEAD = ("the same in two ways", "without", "with", "ratio", "at most")


def pair_rows(pairs: Sequence[Pair]) -> list[list[str]]:
    return [
        [
            pair.what,
            f"{pair.plain:.2f} {pair.unit}",
            f"{pair.ours:.2f} {pair.unit}",
            f"{pair.ratio:.2f}x",
            f"{pair.most:g}x",
        ]
        for pair in pairs
    ]


REST_HEAD = (
    "flow, latency", "orders", "orders/s", "pass alone/s", "baseline/s", "ratio", "bare client/s",
    "share", "pass alone", "spread", "calls/order", "our CPU us", "start s", "RSS MB", "others",
)  # fmt: skip


def rest_rows(figures: Sequence[RestFigure]) -> list[list[str]]:
    return [
        [
            f.what,
            f"{f.orders:,}",
            _few(f.orders / f.seconds),
            _few(f.orders / f.inner),
            f"{'~' * f.about}{_few(f.plain_rate)}",
            f"{f.orders / f.seconds / f.plain_rate:.1f}x",
            _few(f.bare_rate),
            f"{f.orders / f.seconds / f.bare_rate:.0%}",
            f"{f.orders / f.inner / f.bare_rate:.0%}",
            f"{f.spread:.2f}",
            f"{f.calls_each:.2f}" if f.flow == "out" else f"{f.calls_each:.3f}",
            f"{f.cpu_micros:,.0f}",
            f"{f.start:.2f}",
            f"{f.rss_mb:.0f}",
            f"{f.others:.0%}",
        ]
        for f in figures
    ]


def _few(rate: float) -> str:
    """A rate; small ones with a digit behind the point."""
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}"


SHARED_HEAD = (
    "connections at once", "orders of each", "first done, s", "last done, s", "fairness", "worst",
    "together/s", "one alone/s", "times", "our CPU s", "others",
)  # fmt: skip


def shared_rows(figures: Sequence[Shared]) -> list[list[str]]:
    return [
        [
            f"{f.connections}, {SHARED_FLOWS[f.flow]}, {LATENCY * 1000:.0f} ms",
            f"{f.orders:,}",
            f"{f.first:.2f}",
            f"{f.last:.2f}",
            f"{f.fairness:.2f}",
            f"{f.worst:.2f}",
            _few(f.rate),
            _few(f.alone_rate),
            f"{f.rate / f.alone_rate:.1f}x",
            f"{f.cpu:.1f}",
            f"{f.others:.0%}",
        ]
        for f in figures
    ]


CASE_HEAD = ("special case", "whole process, s", "pass alone, s", "RSS MB")


def machine(mongod: str) -> str:
    with Path("/proc/meminfo").open() as file:
        kilobytes = int(file.readline().split()[1])
    cores = len(os.sched_getaffinity(0))
    return (
        f"{cores} cores, {_processor()}, {kilobytes / 2**20:.0f} GB, Linux "
        f"{re.match('[0-9.]+', platform.release())[0]}, "  # type: ignore[index]
        f"Python {platform.python_version()}, mongod {mongod} (single-node replica set)"
    )


def _processor() -> str:
    text = Path("/proc/cpuinfo").read_text()
    found = re.search(r"model name\s*: (.*)", text)
    return found[1].strip() if found else platform.machine()


def flows(figures: Sequence[Figure], mongod: str) -> str:
    """The four flows, for the terminal."""
    parts = [machine(mongod), table(HEAD, rows(figures))]
    if grown := growth(figures):
        parts.append("cost per order, without start-up:\n" + "\n".join(grown))
    return "\n\n".join(parts) + "\n"


def write(
    out: Path,
    figures: Sequence[Figure],
    cases: Sequence[Case],
    pairs: Sequence[Pair],
    mongod: str,
) -> None:
    """The figures into ``performance.md``, between the marks, and the picture beside it."""
    lines = "".join(f"* {line}\n" for line in growth(figures))
    body = f"Machine: {machine(mongod)}.\n\n{markdown(HEAD, rows(figures))}\n"
    body += f"Cost per order, without start-up, largest size against smallest:\n\n{lines}\n"
    body += markdown(CASE_HEAD, case_rows(cases)) + "\n" + markdown(PAIR_HEAD, pair_rows(pairs))
    between(out, BEGIN, END, body)
    (out / "images").mkdir(exist_ok=True)
    plot(figures, out / "images" / "performance.svg")


def write_rest(
    out: Path, figures: Sequence[RestFigure], shared: Sequence[Shared], mongod: str
) -> None:
    """The figures of REST into ``performance.md``, between marks of their own."""
    body = f"Machine: {machine(mongod)}.\n\n{markdown(REST_HEAD, rest_rows(figures))}\n"
    between(out, REST_BEGIN, REST_END, body + markdown(SHARED_HEAD, shared_rows(shared)))


def between(out: Path, begin: str, end: str, body: str) -> None:
    """Replace what stands between two marks of ``performance.md``; behind all else without them."""
    page = out / "performance.md"
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    if begin not in text:
        text += f"{begin}\n{end}\n"
    before, _, rest = text.partition(begin)
    after = rest.partition(end)[2]
    page.write_text(f"{before}{begin}\n{body}{end}{after}", encoding="utf-8")


def plot(figures: Sequence[Figure], path: Path) -> None:
    """Orders per second beside the baseline, and the cost per order by size."""
    import matplotlib as mpl  # noqa: PLC0415 (needed for the picture only)

    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "font.size": 9, "svg.hashsalt": "tracbridge"})
    mpl.rcParams.update(
        dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), GREY)
    )
    from matplotlib import pyplot as plt  # noqa: PLC0415

    canvas, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    _bars(left, figures)
    _lines(right, figures)
    for axes in (left, right):
        axes.set_facecolor("none")
        axes.spines[:].set_color(GREY)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    canvas.savefig(path, transparent=True, metadata={"Date": None})
    plt.close(canvas)


def _bars(axes: Any, figures: Sequence[Figure]) -> None:
    size = min((f.orders for f in figures), key=lambda n: abs(n - 10_000))
    chosen = [f for flow in FLOWS for f in figures if (f.flow, f.orders) == (flow, size)]
    places = range(len(chosen))
    ours = axes.bar([p - 0.2 for p in places], [f.rate for f in chosen], 0.4, color=BLUE)
    base = axes.bar([p + 0.2 for p in places], [f.baseline_rate for f in chosen], 0.4, color=ORANGE)
    for bars in (ours, base):
        axes.bar_label(bars, fmt="{:,.0f}", fontsize=7, color=GREY)
    axes.set_yscale("log")
    axes.set_xticks(list(places), [FLOWS[f.flow].replace(", ", ",\n") for f in chosen], fontsize=7)
    axes.set_title(f"orders per second, {size:,} orders", fontsize=9)
    ours.set_label("Tracbridge")
    base.set_label("one record at a time")


def _lines(axes: Any, figures: Sequence[Figure]) -> None:
    for mark, (flow, name) in zip("os^D", FLOWS.items(), strict=True):
        chosen = sorted((f for f in figures if f.flow == flow), key=lambda f: f.orders)
        xs, ys = [f.orders for f in chosen], [f.micros for f in chosen]
        axes.plot(xs, ys, marker=mark, label=name)
    axes.set_xscale("log")
    axes.set_ylim(0, 1.5 * max(figure.micros for figure in figures))
    axes.set_title("microseconds per order, without start-up, by number of orders", fontsize=9)
