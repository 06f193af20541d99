"""Names of the solvers; their modules are imported when first asked for."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

from solvers.protocol import Solver

_CLASSES = {
    "amg": "solvers.amg:AlgebraicMultigrid",
    "cg": "solvers.cg:ConjugateGradient",
    "direct": "solvers.direct:Direct",
}


def available() -> list[str]:
    """The names that `solvers.solve` accepts, sorted."""
    return sorted(_CLASSES)


def describe(name: str) -> str:
    """What the solver is, in one line."""
    return (_load(name).__doc__ or "").strip().splitlines()[0]


def create(name: str, options: dict[str, Any]) -> Solver:
    """The named solver with these options.

    Raises ValueError with one line for an unknown name or option.
    """
    cls = _load(name)
    known = [field.name for field in dataclasses.fields(cls)]
    for option in options:
        if option not in known:
            raise ValueError(f"solver {name} has no option {option}; it has: {', '.join(known)}")
    return cls(**options)


def _load(name: str) -> Any:
    if name not in _CLASSES:
        raise ValueError(f"unknown solver {name!r}; available: {', '.join(available())}")
    module, cls = _CLASSES[name].split(":")
    return getattr(importlib.import_module(module), cls)
