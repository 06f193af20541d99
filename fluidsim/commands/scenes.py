"""`fluidsim scenes`: what scenes there are."""

from __future__ import annotations

import argparse

from fluidsim.runs.catalogue import description, scene_names


def add_flags(parser: argparse.ArgumentParser) -> None:
    """It has none."""


def main(options: argparse.Namespace) -> int:
    width = max(map(len, scene_names()))
    for name in scene_names():
        print(f"{name:{width}} {description(name)}")
    return 0
