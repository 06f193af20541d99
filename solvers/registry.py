"""The names of the solvers; a solver's module is imported on first use.

A name may carry options, as in `multigrid:sweeps=3,engine=torch`: everywhere a solver is named.
Other packages add solvers by entry points of the group `fluidsim.solvers`: name = "module:Class".
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import importlib.util
from typing import Any

from solvers.protocol import Solver

_GROUP = "fluidsim.solvers"
_BUILT_IN = {
    "amg": "solvers.amg:AlgebraicMultigrid",
    "auto": "solvers.auto:Automatic",
    "cg": "solvers.cg:ConjugateGradient",
    "dcdm": "solvers.npsdo.dcdm:DeepConjugateDirections",
    "direct": "solvers.direct:Direct",
    "fluidnet": "solvers.npsdo.fluidnet:FluidNet",
    "ic": "solvers.ic:IncompleteCholesky",
    "mgno": "solvers.npsdo.mgno:LearnedGuess",
    "multigrid": "solvers.multigrid:Multigrid",
    "npsdo": "solvers.npsdo.solver:NeuralCycle",
    "npsdo-paper": "solvers.npsdo.solver:NeuralDescent",
    "recycling": "solvers.recycling:Recycling",
    "schur": "solvers.schur:Schur",
    "sor": "solvers.sor:OverRelaxation",
}
# Solvers of this package that need an optional package: module:Class, and the package.
_OPTIONAL = {
    "amgcl": ("solvers.amgcl:Amgcl", "pyamgcl"),
    "petsc": ("solvers.petsc:Petsc", "petsc4py"),
}


def available() -> list[str]:
    """The names that `solvers.solve` accepts; options may follow: `multigrid:sweeps=3`.

    Returns
    -------
    list of str
        Sorted; without solvers whose optional package is not installed.
    """
    return sorted(_classes())


def describe(name: str) -> str:
    """Describe a solver in one line.

    Parameters
    ----------
    name : str
        A name from `available()`.

    Returns
    -------
    str
        The first line of its docstring.

    Raises
    ------
    ValueError
        If the name is unknown or the solver cannot be loaded.
    """
    return (_load(name).__doc__ or "").strip().splitlines()[0]


def create(named: str, options: dict[str, Any]) -> Solver:
    """The solver of a name, with the options that follow it in the text and these.

    Raises ValueError with one line if the name or an option is unknown, or a value is none.
    """
    name, _, given = named.partition(":")
    cls = _load(name)
    known = {field.name: field for field in dataclasses.fields(cls)}
    told = dict(_option(each) for each in given.split(",")) if given else {}
    for option in (*told, *options):
        if option not in known:
            raise ValueError(f"solver {name} has no option {option}; it has: {', '.join(known)}")
    values = {option: _value(known[option].default, option, text) for option, text in told.items()}
    return cls(**{**values, **options})


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ValueError(f"{text!r} is no option of a solver; write NAME:OPTION=VALUE,OPTION=VALUE")
    return name, value


def _value(default: Any, option: str, text: str) -> Any:
    """The text as what the default of an option is."""
    if default is None or isinstance(default, str):
        return text
    if isinstance(default, bool) and text in ("True", "False"):
        return text == "True"
    if isinstance(default, (int, float)) and not isinstance(default, bool):
        try:
            return type(default)(text)
        except ValueError:
            pass
    what = {bool: "True or False", int: "a whole number", float: "a number"}.get(type(default))
    if what is None:
        raise ValueError(f"option {option} cannot be given as text")
    raise ValueError(f"option {option} must be {what}, not {text!r}")


def _classes() -> dict[str, str]:
    """Name -> "module:Class"; other packages cannot replace the solvers of this one."""
    outside = importlib.metadata.entry_points(group=_GROUP)
    optional = {
        name: place
        for name, (place, package) in _OPTIONAL.items()
        if importlib.util.find_spec(package) is not None
    }
    return {entry.name: entry.value for entry in outside} | optional | _BUILT_IN


def _load(name: str) -> Any:
    classes = _BUILT_IN if name in _BUILT_IN else _classes()
    if name in _OPTIONAL and name not in classes:
        raise ValueError(
            f"solver {name} needs the package {_OPTIONAL[name][1]}: "
            f'pip install "fluidsim-lab[{name}]"'
        )
    if name not in classes:
        raise ValueError(f"unknown solver {name!r}; available: {', '.join(sorted(classes))}")
    module, cls = classes[name].split(":")
    try:
        return getattr(importlib.import_module(module), cls)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"solver {name} cannot be loaded: {error}") from error
