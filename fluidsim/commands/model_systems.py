"""`fluidsim model-systems`: pressure systems of any size, without a simulation."""

from __future__ import annotations

import argparse

from fluidsim.files import replacing
from fluidsim.parsing import place, whole
from fluidsim.runs.stopping import guarded
from solvers.model_systems import KINDS, SCENES, model_system
from solvers.storage import save_system


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=place, metavar="OUT")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=SCENES)
    parser.add_argument("--dim", type=int, choices=(2, 3), default=3)
    parser.add_argument("--resolution", type=whole(1, 4096), default=64, help="cells an axis (64)")
    parser.add_argument("--seed", type=whole(0, 2**31), default=0)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def main(options: argparse.Namespace) -> int:
    return guarded(lambda: _store(options), options.debug)


def _store(options: argparse.Namespace) -> None:
    options.folder.mkdir(parents=True, exist_ok=True)
    for kind in options.kinds:
        stored = model_system(kind, (options.resolution,) * options.dim, options.seed)
        path = options.folder / f"{kind}-{options.dim}d-{options.resolution}.npz"
        with replacing(path) as temporary:
            save_system(temporary, stored)
        print(f"{path}: {stored.system.unknowns:,} unknowns")
