"""Which moves of a threshold can change what the fold tells of a clip: known after one run with the defaults.

The law is given numbers that, whenever one is compared, also ask what the answer would have been had it been another.
A move of which every answer is the same tells the same, byte for byte, and need not be run. A number that is reckoned
with (and not only compared) may matter: no more is known of it.
"""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, cast

from schemas.rules import CameraRules
from streams.book import Law, RulesBook, law_of

APART = ("rules", "version", "ground", "hours")
"""What thresholds do not make."""


Others = Mapping[str, Mapping[int, Any]]
"""Field of the law -> index of a move -> what the field would be after it, where that differs."""


def others(rules: CameraRules, moved: Sequence[CameraRules]) -> Others:
    """What each move does to a camera's law. moved: its rules after each."""
    now, laws = _comparable(law_of(rules, "")), [_comparable(law_of(other, "")) for other in moved]
    return {
        name: {index: law[name] for index, law in enumerate(laws) if law[name] != value} for name, value in now.items()
    }


class Witness(RulesBook):
    """The rules of one clip, and the moves that may matter to it once it was folded under this book."""

    def __init__(self, rules: CameraRules, others: Others) -> None:
        super().__init__(current={rules.camera_id: rules})
        self.__dict__["mattering"] = set[int]()
        self.__dict__["_watched"] = _Watched(law_of(rules, rules.version), others, self.mattering)

    @property
    def mattering(self) -> set[int]:
        """Indices of the moves that may change something."""
        return cast(set[int], self.__dict__["mattering"])

    def law(self, version: str) -> Law:
        """The law, with numbers that remember."""
        return cast(Law, self.__dict__["_watched"])


class _Watched:
    """A law that is looked at."""

    def __init__(self, law: Law, others: Others, mattering: set[int]) -> None:
        self._values: dict[str, Any] = {f.name: getattr(law, f.name) for f in fields(law)}
        self._others: dict[str, Mapping[int, Any]] = {}
        self._mattering = mattering
        for name, moved in others.items():
            if moved and isinstance(self._values[name], int | float):
                self._values[name] = number = _Number(self._values[name])
                number.others, number.mattering = dict(moved), mattering
            elif moved:
                self._others[name] = moved

    def __getattr__(self, name: str) -> Any:
        self._mattering.update(self._others.get(name, ()))
        return self._values[name]


def _comparable(law: Law) -> dict[str, Any]:
    told = {f.name: getattr(law, f.name) for f in fields(law) if f.name not in APART}
    return told | {"floor": None if law.floor is None else (law.floor.hull, law.floor.pixel_max_m)}


def _matter(number: Any, moves: Iterable[int]) -> None:
    """From now on nobody has to ask about these moves."""
    for index in moves:
        del number.others[index]
        number.mattering.add(index)


def _compared(name: str) -> Callable[[Any, Any], Any]:
    plain, compare = getattr(float, name), getattr(operator, name)

    def method(self: Any, other: Any) -> Any:
        answer = plain(self, other)
        if self.others and answer is not NotImplemented:
            _matter(self, [index for index, value in self.others.items() if compare(value, other) != answer])
        return answer

    return method


def _reckoned(name: str) -> Callable[..., Any]:
    plain = getattr(float, name)

    def method(self: Any, *others: Any) -> Any:
        if self.others:
            _matter(self, list(self.others))
        return plain(self, *others)

    return method


_COMPARED = ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__")
_RECKONED = [f"__{side}{name}__" for name in ("add", "sub", "mul", "truediv", "floordiv", "mod") for side in ("", "r")]
_RECKONED += [f"__{name}__" for name in ("neg", "abs", "int", "float", "round", "bool", "hash")]
_Number: Any = type(
    "_Number",
    (float,),  # whole ones too: of a float and an int Python does not ask the int
    {**{name: _compared(name) for name in _COMPARED}, **{name: _reckoned(name) for name in _RECKONED}},
)
