"""The mutation run measures the tests: here is tested what it changes and what it leaves alone."""

import ast

from tests.mutation.changes import mutants


def changed(source: str) -> list[str]:
    """The changed lines, in their order."""
    return [mutant.after for mutant in mutants("a.py", source)]


def test_an_edge_is_moved_and_turned_round() -> None:
    assert changed("far = a < b") == ["far = a <= b", "far = a >= b"]


def test_numbers_words_and_truths_are_changed() -> None:
    assert changed("at = 5\nkind = 'queue'\nopen = True") == ["at = 6", "kind = 'queue~'", "open = False"]


def test_a_statement_that_acts_is_left_out() -> None:
    assert changed("def f(state, x):\n    state.last = x\n    y = x\n    state.seen.append(y)\n") == ["pass", "pass"]


def test_types_docstrings_options_and_the_words_of_errors_are_left_alone() -> None:
    source = '''
"""A file."""
from typing import Literal
Kind = Literal["a", "b"]
class A(Struct, frozen=True):
    """A thing."""
    kind: Literal["a"]
    """Its kind."""
@cache(1)
def f(x: "A", y: Literal[3]) -> "A":
    assert y, "is there"
    raise ValueError("no such thing")
'''
    assert changed(source) == []


def test_every_mutant_differs_from_the_source_and_names_its_line() -> None:
    source = "def f(a, b):\n    if a and not b:\n        return [x for x in a if x in b and x > 0]\n    return b + 1\n"
    found = list(mutants("a.py", source))
    assert len({mutant.source for mutant in found} | {ast.unparse(ast.parse(source))}) == len(found) + 1
    assert [mutant.line for mutant in found] == sorted(mutant.line for mutant in found)
    assert {mutant.where for mutant in found} == {"a.py:2", "a.py:3", "a.py:4"}
