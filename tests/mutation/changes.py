"""Every small change of a source that ought to change what it does: the mutants.

Left alone are types and annotations, decorators and the options of classes, docstrings, and the words of errors: they
decide nothing.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

SWAPS: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.Mod: (ast.FloorDiv,),
}
"""Operator -> what it becomes. An ordering is tried at its edge and turned round."""
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
TYPES = ("Literal", "TypeVar", "NewType", "cast")
"""Calls and subscripts with these names speak of types."""


@dataclass(frozen=True)
class Mutant:
    """One changed source. line: of the change, from 1.

    function: first line of the function that it is in (of its decorators, as code objects count); None: in none.
    """

    path: str
    line: int
    function: int | None
    before: str
    after: str
    source: str

    @property
    def where(self) -> str:
        return f"{self.path}:{self.line}"


def mutants(path: str, source: str) -> Iterator[Mutant]:
    """All of one file, in the order in which they stand."""
    tree = ast.parse(source)
    functions = _functions(tree)
    for parent, node in _deciding(tree, tree):
        for field, new in _changes(node):
            old, shown = getattr(node, field), node if isinstance(parent, ast.Module | ast.ClassDef) else parent
            before = ast.unparse(shown)
            setattr(node, field, new)
            line = _line_of_change(node, old, new)
            function = next((first for body, first in reversed(functions) if line in body), None)
            yield Mutant(path, line, function, *_difference(before, ast.unparse(shown)), ast.unparse(tree))
            setattr(node, field, old)


def _deciding(node: ast.AST, parent: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """(parent, node) for all that may be changed."""
    yield parent, node
    for name, value in ast.iter_fields(node):
        nothing = name in ("annotation", "returns", "decorator_list", "bases", "type_params", "msg")
        if nothing or (isinstance(node, ast.ClassDef) and name == "keywords"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _decides_nothing(child):
                yield from _deciding(child, node)


def _decides_nothing(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Raise() | ast.Import() | ast.ImportFrom():
            return True
        case ast.Subscript(value=ast.Name(id=name)) | ast.Call(func=ast.Name(id=name)):
            return name in TYPES
    return False


def _changes(node: ast.AST) -> Iterator[tuple[str, object]]:
    """(field, its new value) for every change of the node itself."""
    match node:
        case ast.Compare(ops=ops):
            for index, op in enumerate(ops):
                yield from (("ops", [*ops[:index], new(), *ops[index + 1 :]]) for new in SWAPS[type(op)])
        case ast.BoolOp(op=op) | ast.BinOp(op=op) | ast.AugAssign(op=op):
            yield from (("op", new()) for new in SWAPS.get(type(op), ()))
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp):
                yield "test", ast.UnaryOp(ast.Not(), test)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "operand", ast.UnaryOp(ast.Not(), operand)
        case ast.Constant(value=bool(value)):
            yield "value", not value
        case ast.Constant(value=int(value) | float(value)):
            yield "value", value + 1
        case ast.Constant(value=str(value)):
            yield "value", f"{value}~"
        case ast.Call(func=ast.Name(id=name) as called) if name in CALLS:
            yield "func", ast.Name(CALLS[name], called.ctx)
    for field in ("body", "orelse", "finalbody"):
        block = getattr(node, field, None)
        if isinstance(block, list):
            for index, statement in enumerate(block):
                yield from ((field, [*block[:index], new, *block[index + 1 :]]) for new in _instead(statement))


def _instead(statement: ast.stmt) -> Iterator[ast.stmt]:
    """A statement that acts is left out; leaving a loop and going on in it are exchanged."""
    match statement:
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()
        case ast.Expr(value=ast.Call() | ast.YieldFrom()) | ast.AugAssign() | ast.Delete():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield ast.Pass()


def _line_of_change(node: ast.AST, old: object, new: object) -> int:
    if isinstance(old, list) and isinstance(new, list):
        for was, now in zip(old, new, strict=True):
            if was is not now and isinstance(was, ast.stmt):
                return was.lineno
    return getattr(node, "lineno", 1)


def _functions(tree: ast.Module) -> list[tuple[range, int]]:
    """The lines of every function's body and its first line, outer ones before inner ones."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return [
        (range(f.body[0].lineno, (f.end_lineno or 0) + 1), min(n.lineno for n in (f, *f.decorator_list))) for f in found
    ]


def _difference(before: str, after: str) -> tuple[str, str]:
    """The first lines that differ."""
    for old, new in zip(before.splitlines(), after.splitlines(), strict=False):
        if old != new:
            return old.strip(), new.strip()
    return before, after
