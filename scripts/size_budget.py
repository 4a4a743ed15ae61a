"""The size budget of the shipped code: small functions, small files.

A function's length is its lines from ``def`` to its end without decorators, docstring and blank
lines. Exit 1 if the median is over 8, a function over 60, or a file over 400 lines.
"""

import ast
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MEDIAN, FUNCTION, FILE, FILE_WARN = 8, 60, 400, 300

type_of_function = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Size:
    where: str
    lines: int


def functions(path: Path) -> Iterator[Size]:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, type_of_function):
            yield Size(f"{path}:{node.lineno} {node.name}", length(node, lines))


def length(node: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> int:
    own = set(range(node.lineno, (node.end_lineno or node.lineno) + 1)) - docstring_lines(node)
    return sum(1 for number in own if lines[number - 1].strip())


def docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[int]:
    if ast.get_docstring(node) is None or len(node.body) == 1:
        return set()
    first = node.body[0]
    return set(range(first.lineno, (first.end_lineno or first.lineno) + 1))


def complaints(sizes: list[Size], files: list[Size]) -> list[str]:
    median = statistics.median(size.lines for size in sizes) if sizes else 0
    found = [f"median function {median:g} lines, budget {MEDIAN}"] if median > MEDIAN else []
    found += [f"{s.where}: {s.lines} lines, budget {FUNCTION}" for s in sizes if s.lines > FUNCTION]
    found += [f"{s.where}: {s.lines} lines, budget {FILE}" for s in files if s.lines > FILE]
    return found


def table(sizes: list[Size], files: list[Size]) -> list[str]:
    ordered = sorted(sizes, key=lambda size: size.lines)
    biggest_file = max(files, key=lambda size: size.lines)
    median = statistics.median(size.lines for size in ordered)
    p90 = ordered[int(len(ordered) * 0.9)]
    return [
        f"files      {len(files):5}   functions {len(sizes):5}",
        f"median     {median:5g}   (budget {MEDIAN})",
        f"p90        {p90.lines:5}",
        f"longest    {ordered[-1].lines:5}   (budget {FUNCTION})  {ordered[-1].where}",
        f"big file   {biggest_file.lines:5}   (budget {FILE})  {biggest_file.where}",
    ]


def main(root: str = "src") -> int:
    paths = sorted(Path(root).rglob("*.py"))
    sizes = [size for path in paths for size in functions(path)]
    files = [Size(str(p), len(p.read_text(encoding="utf-8").splitlines())) for p in paths]
    if sizes:
        print("\n".join(table(sizes, files)))
    for size in files:
        if FILE_WARN < size.lines <= FILE:
            print(f"note: {size.where} has {size.lines} lines; split it before {FILE}")
    found = complaints(sizes, files)
    print("\n".join(f"over budget: {line}" for line in found) or "size budget: kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
