"""The size budget counts what a reader reads."""

import ast

import pytest

from scripts import size_budget

CODE = '''
@decorated
def told(a):
    """A promise.

    And more of it.
    """

    b = a

    return b
'''


def test_decorators_docstrings_and_blank_lines_do_not_count() -> None:
    node = ast.parse(CODE).body[0]
    assert isinstance(node, ast.FunctionDef)
    assert size_budget.length(node, CODE.splitlines()) == 3


@pytest.mark.parametrize(
    ("functions", "files", "expected"),
    [
        ([8, 8, 8], [400], 0),
        ([9, 9, 9], [400], 1),
        ([1, 1, 61], [400], 1),
        ([1, 1, 1], [401], 1),
    ],
)
def test_each_limit_is_kept_or_named(functions: list[int], files: list[int], expected: int) -> None:
    sizes = [size_budget.Size("f", lines) for lines in functions]
    found = size_budget.complaints(sizes, [size_budget.Size("x.py", lines) for lines in files])
    assert len(found) == expected
