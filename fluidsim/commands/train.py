"""`fluidsim train`: the network of a neural preconditioner."""

from __future__ import annotations

import argparse

from fluidsim.runs.stopping import guarded
from fluidsim.tools.train import add_train_flags, train


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("solver", choices=("npsdo",))
    add_train_flags(parser)


def main(options: argparse.Namespace) -> int:
    return guarded(lambda: train(options), options.debug)
