"""A scene with other values for some of its fields: `--set viscosity=0.1`."""

from __future__ import annotations

import dataclasses
import json
import math
import types
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
EXAMPLES = (1, True, "", (1.0,))  # of what can be written on a command line


def changed(described: T, values: Mapping[str, str]) -> T:
    """A frozen dataclass with new values for fields that are numbers, vectors or words.

    Parameters
    ----------
    described : dataclass
        A scene.
    values : mapping of str to str
        By the name of the field; with a dot between, that of a field of a field
        (`physics.lift`). Vectors are lists (`[0,-9.81]`), no value is `null`.

    Returns
    -------
    dataclass
        The other fields are the same objects as before.

    Raises
    ------
    ValueError
        With one line, for a name that does not exist, a value of another kind, or one that the
        dataclass refuses.
    """
    known = list(names(described)) if values else []
    for name, text in values.items():
        if name not in known:
            raise ValueError(f"the scene has no value {name} to set, but {', '.join(known)}")
        described = _with(described, name.split("."), name, text)
    return described


def names(described: Any, before: str = "") -> Iterator[str]:
    """Of the fields that `changed` takes."""
    hints = get_type_hints(type(described))
    for each in dataclasses.fields(described):
        value = getattr(described, each.name)
        if dataclasses.is_dataclass(value):
            yield from names(value, f"{before}{each.name}.")
        elif any(_fits(example, hints[each.name]) for example in EXAMPLES):
            yield before + each.name


def _with(described: Any, path: list[str], name: str, text: str) -> Any:
    first, *rest = path
    before = getattr(described, first)
    if rest:
        return dataclasses.replace(described, **{first: _with(before, rest, name, text)})
    hint = get_type_hints(type(described))[first]
    for value in _readings(text):
        if _fits(value, hint):
            return dataclasses.replace(described, **{first: value})
    raise ValueError(f"{name} of the scene cannot be {text}: it is {before} there")


def _readings(text: str) -> Iterator[Any]:
    """What a text can mean: a value of JSON, or itself."""
    try:
        value = json.loads(text)
        yield tuple(value) if isinstance(value, list) else value
    except (ValueError, RecursionError):
        pass
    yield text


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type that is a number, a word, a truth, nothing or a vector."""
    if get_origin(hint) in (Union, types.UnionType):
        return any(_fits(value, each) for each in get_args(hint))
    if hint is float:
        return type(value) in (int, float) and math.isfinite(value)
    if get_origin(hint) is tuple:
        return type(value) is tuple and all(_fits(part, get_args(hint)[0]) for part in value)
    return hint in (int, bool, str, types.NoneType) and type(value) is hint
