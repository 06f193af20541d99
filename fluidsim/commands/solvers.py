"""`fluidsim solvers`: what solvers there are."""

from __future__ import annotations

import argparse

import solvers


def add_flags(parser: argparse.ArgumentParser) -> None:
    """It has none."""


def main(options: argparse.Namespace) -> int:
    for name in solvers.available():
        try:
            line = solvers.describe(name)
        except ValueError as error:  # of another package
            line = str(error)
        print(f"{name:14} {line}")
    return 0
