"""`fluidsim train`: the network of a learned solver."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fluidsim.cluster import require_dask
from fluidsim.parsing import add_cluster_flags, check_cluster_flags, place, positive, whole
from fluidsim.runs.stopping import guarded

if TYPE_CHECKING:
    from fluidsim.tools.recordings import Record

# Those of solvers.npsdo.weights, which is slow to load.
KINDS = ("npsdo", "npsdo-paper", "fluidnet", "dcdm", "mgno")


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("solver", choices=KINDS)
    add = parser.add_argument
    add("--dim", type=int, choices=(2, 3), default=2, help="of the systems (2)")
    add(
        "--sizes", nargs="+", type=whole(8, 1024), metavar="CELLS",
        help="along the sides of random geometries; one named twice counts twice",
    )  # fmt: skip
    add("--gate-sizes", nargs="+", type=whole(8, 1024), metavar="CELLS", help="that are judged")
    add("--minutes", type=positive, default=30.0, help="how long, all told (30)")
    add("--steps", type=whole(0, 10**7), default=0, help="of training, instead of minutes")
    add("--rate", type=positive, default=None, help="learning rate (2D 0.001, 3D 0.0003)")
    losses = ("energy", "residual", "direction")
    add(
        "--loss", choices=losses, default=None,
        help="(energy; of fluidnet residual, of dcdm direction)",
    )  # fmt: skip
    add("--gates", type=whole(1, 1000), default=6, help="looks at held-out problems (6)")
    add("--seed", type=whole(0, 2**31 - 1), default=0, help="of all random numbers (0)")
    add("--systems", nargs="+", type=place, metavar="DIR", help="stored systems to train on")
    add("--held-out", nargs="+", type=place, metavar="DIR", help="stored systems to judge on")
    add("--test", nargs="+", type=place, metavar="DIR", help="stored systems for the last table")
    add("--start", type=place, metavar="FILE", help="weights to start from")
    add("--out", type=place, metavar="FILE", help="(renders/npsdo/KIND_DIMd.safetensors)")
    add("--resume", action="store_true", help="continue where the training of this file stopped")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where to compute (cpu)")
    add("--threads", type=whole(1, 1024), default=None, metavar="N", help="CPU threads (all)")
    add_cluster_flags(parser, "record the scenes")
    add("--debug", action="store_true", help="show the traceback of an error")


def main(options: argparse.Namespace) -> int:
    check_cluster_flags(options, "fluidsim train")
    return guarded(lambda: _train(options), options.debug)


def _train(options: argparse.Namespace) -> None:
    if options.out is not None and options.out.suffix != ".safetensors":
        raise ValueError(f"{options.out} must end in .safetensors")
    from fluidsim.tools.train import train

    train(options, _recorder(options))


def _recorder(options: argparse.Namespace) -> Record:
    """Records scenes in this process, or on the workers of a cluster."""
    if options.cluster is None:
        from fluidsim.tools.recordings import record_here

        return record_here
    require_dask()
    from fluidsim.cluster.recordings import recorder
    from fluidsim.cluster.workers import Place

    return recorder(Place(options.cluster or None, options.workers))
