"""The runs of a sweep: each value with each other one, and those of a list."""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fluidsim.runs.flags import as_flags, file_name, parse_run
from fluidsim.scene.config import RunConfig

SETTINGS = RunConfig("").as_json().keys() - {"scene", "threads"}  # that flags of a run set
KEYS = {"scene": str, "flags": dict, "vary": dict, "runs": list}  # of a file
MOST_RUNS, LONGEST_NAME = 10_000, 150


@dataclass(frozen=True)
class Planned:
    """A run: the name of its folder, its scene or the file of that, what is special to it as text,
    its settings."""

    name: str
    scene: str
    values: Mapping[str, str]
    config: RunConfig


@dataclass(frozen=True)
class Question:
    """What a sweep varies.

    scene: its name or its file. flags: of all runs, as on a command line. vary: values by name, of
    which each goes with each. runs: values by name, a run each, with `name` for its folder.
    """

    scene: str
    flags: Sequence[str] = ()
    vary: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    runs: Sequence[Mapping[str, Any]] = ()

    def planned(self, prog: str) -> list[Planned]:
        """The runs. Exits with 2 and one line where a flag is wrong.

        Raises ValueError with one line where there are none, too many, or two of one name.
        """
        grid = itertools.product(*(dict.fromkeys(map(text_of, v)) for v in self.vary.values()))
        several = [dict(zip(self.vary, values, strict=True)) for values in grid if self.vary]
        several += [{name: text_of(each) for name, each in run.items()} for run in self.runs]
        if not several:
            raise ValueError("nothing varies; give --vary NAME=V1,V2, --solvers or a .toml file")
        if len(several) > MOST_RUNS:
            raise ValueError(f"these are {len(several)} runs, and more than {MOST_RUNS}")
        runs = [self._run(values, prog) for values in several]
        if twice := [name for name, *again in _by_name(runs).values() if again]:
            raise ValueError(f"two runs have the name {twice[0].name}; give one `name` in a file")
        return runs

    def _run(self, values: dict[str, str], prog: str) -> Planned:
        given = values.pop("name", "")
        name = file_name(given or ",".join(f"{k}={v.strip('[]')}" for k, v in values.items()))
        if not name.strip(".") or len(name) > LONGEST_NAME:
            raise ValueError(f"a run needs a name of 1 to {LONGEST_NAME} letters, not {name!r:.60}")
        words = [word for item in values.items() for word in words_of(*item)]
        config = parse_run(Path(self.scene).stem, [*self.flags, *words], "", prog)
        return Planned(name, self.scene, values, config)


def _by_name(runs: Sequence[Planned]) -> dict[str, list[Planned]]:
    found: dict[str, list[Planned]] = {}
    for run in runs:
        found.setdefault(run.name.lower(), []).append(run)  # as some file systems take them
    return found


def words_of(name: str, value: Any) -> list[str]:
    """The flags that give a setting of a run, or else a field of its scene, a value."""
    setting = name.replace("-", "_")
    if setting not in SETTINGS:
        return [f"--set={name}={text_of(value)}"]
    if value in ("true", "false"):
        value = value == "true"
    return as_flags({setting: value})


def text_of(value: Any) -> str:
    """As `--set` and other flags read it."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def read(path: Path) -> Question:
    """A sweep in a TOML file: see docs/howto/sweeps.md.

    Raises OSError, and ValueError with one line where the file is no such thing.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib  # pyright: ignore[reportMissingImports]
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        for name, value in found.items():
            if not isinstance(value, KEYS.get(name, ())):
                raise ValueError(f"{name} is not {', '.join(KEYS)}, or not of their kind")
        if "scene" not in found:
            raise ValueError('it names no scene, such as scene = "dam_break"')
        flags = [word for item in found.get("flags", {}).items() for word in words_of(*item)]
        vary, runs = found.get("vary", {}), found.get("runs", [])
        if not all(isinstance(values, list) for values in vary.values()):
            raise ValueError("[vary] needs lists, such as resolution = [32, 64]")
        if not all(isinstance(run, dict) for run in runs):
            raise ValueError("[[runs]] needs tables")
    except (RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {' '.join(str(error).split())}") from error
    return Question(found["scene"], flags, vary, runs)


def varied(text: str) -> tuple[str, list[str]]:
    """NAME=V1,V2,... of a command line; commas in brackets separate nothing."""
    name, _, values = text.partition("=")
    parts = re.split(r",(?![^\[]*\])", values)
    if not name or not all(parts):
        raise ValueError(f"{text!r} is not like resolution=32,64")
    return name, parts
