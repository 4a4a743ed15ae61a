"""``python -m benchmarks``: see ``docs/performance.md``."""

import argparse
import pstats
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from benchmarks import report, rest, tenants
from benchmarks.flows import FLOWS, Figure, Size, borrow, fill, fresh, progress
from benchmarks.mapping import Pair, mappings, ruled
from benchmarks.process import timed
from benchmarks.special import Case, adopted, archive, linked, million, reconciled
from tests.harness import NOW, Server, World, server

PROFILES = [*FLOWS, *(f"{system}-{flow}" for system in rest.NAMES for flow in rest.FLOWS)]

WAITS = "seconds to wait for a calm machine before each measurement over REST"


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed and memory.")
    parser.add_argument("--orders", default="1000,10000,100000", help="sizes, by commas")
    parser.add_argument("--quick", action="store_true", help="1,000 orders, small special cases")
    parser.add_argument("--out", type=Path, help="folder whose performance.md gets the figures")
    parser.add_argument("--folder", type=Path, help="where to work; default: the temporary folder")
    parser.add_argument("--profile", choices=PROFILES, help="where the time of one flow goes")
    parser.add_argument("--no-special", action="store_true", help="without the special cases")
    parser.add_argument("--rest", action="store_true", help="only ERPs over REST")
    parser.add_argument("--no-rest", action="store_true", help="without ERPs over REST")
    parser.add_argument("--repeats", type=int, help="of each measurement over REST")
    parser.add_argument("--patience", type=float, default=0.0, help=WAITS)
    return parser.parse_args(words)


def main(words: Sequence[str]) -> None:
    options = arguments(words)
    sizes = [1_000] if options.quick else [int(size) for size in options.orders.split(",")]
    root = Path(tempfile.mkdtemp(prefix="tracbridge-bench-", dir=options.folder))
    try:
        with server(root / "mongod", replica_set=True) as running:
            if options.profile:
                profile(running, root, options.profile, sizes[0])
                return
            if not options.rest:
                measure(running, root, sizes, options)
            if not options.no_rest:
                over_rest(running, root, options)
    finally:
        # Deleting many files makes creating files slow for a while: only now.
        progress("cleaning up")
        shutil.rmtree(root, ignore_errors=True)


def measure(running: Server, root: Path, sizes: list[int], options: argparse.Namespace) -> None:
    figures: list[Figure] = []
    for size in sizes:
        figures += Size(running, root, size).measure()
    borrow(figures)
    version = str(running.client.server_info()["version"])
    print(report.flows(figures, version), flush=True)
    cases = [] if options.no_special else special(running, root, quick=options.quick)
    print(report.table(report.CASE_HEAD, report.case_rows(cases)))
    pairs = [] if options.no_special else doubled(running, root, quick=options.quick)
    print(report.table(report.PAIR_HEAD, report.pair_rows(pairs)))
    if options.out:
        report.write(options.out, figures, cases, pairs, version)


def over_rest(running: Server, root: Path, options: argparse.Namespace) -> None:
    """Customers' ERPs, simulated, over HTTP."""
    orders, each = (1_000, 200) if options.quick else (10_000, 1_000)
    repeats = options.repeats or (1 if options.quick else rest.REPEATS)
    figures = rest.speeds(running, root, orders, repeats, options.patience)
    print(report.table(report.REST_HEAD, report.rest_rows(figures)), flush=True)
    shared = tenants.shared(running, root, each, repeats, options.patience)
    print(report.table(report.SHARED_HEAD, report.shared_rows(shared)), flush=True)
    if options.out:
        version = str(running.client.server_info()["version"])
        report.write_rest(options.out, figures, shared, version)


def special(running: Server, root: Path, *, quick: bool) -> list[Case]:
    share = 10 if quick else 1
    cases = [
        *million(running, root, 1_000_000 // share),
        *linked(running, root, 100_000 // share),
        *archive(running, root, 100_000 // share),
    ]
    return cases if quick else cases + whole(running, root)


def doubled(running: Server, root: Path, *, quick: bool) -> list[Pair]:
    """What files cost beside code, and rules beside none."""
    return [*mappings(), *ruled(running, root, 1_000 if quick else 10_000)]


def whole(running: Server, root: Path) -> list[Case]:
    """What looks at everything; it has no small size worth a look."""
    return [
        *reconciled(running, root, 100_000),
        *reconciled(running, root, 1_000_000),
        *adopted(running, root, 100_000),
    ]


def profile(running: Server, root: Path, flow: str, orders: int) -> None:
    """The 25 functions with most time of their own, in the event loop's thread."""
    target = root / "profile.out"
    command = [sys.executable, "-m", "cProfile", "-o", str(target), "-m", "tracbridge"]
    if flow in FLOWS:
        with fresh(running, root, "profile") as world:
            prepare(world, flow, orders)
            side = "--outbound-only" if flow == "out" else "--inbound-only"
            cost = timed([*command, "run", "--json", side], world.env, world.root)
    else:
        cost = rest.profiled(running, root, flow, orders, command)
    progress(f"{orders:,} {flow}: {cost.seconds:.2f} s under the profiler")
    pstats.Stats(str(target)).strip_dirs().sort_stats("tottime").print_stats(25)


def prepare(world: World, flow: str, orders: int) -> None:
    """What has to be there before the flow."""
    if flow != "new":
        fill(world.inbound, orders, "new")
        timed([sys.executable, "-m", "tracbridge", "run", "--inbound-only"], world.env, world.root)
    if flow == "out":
        world.orders.update_many({}, {"$set": {"isSynced": False, "status": "on_hold"}})
    elif flow == "changed":
        fill(world.inbound, orders, "changed", NOW + timedelta(hours=1))
    else:
        fill(world.inbound, orders, "new")


if __name__ == "__main__":
    main(sys.argv[1:])
