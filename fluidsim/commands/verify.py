"""`fluidsim verify`: flows with known answers, and a page of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from fluidsim.parsing import place, whole
from fluidsim.runs.stopping import guarded
from fluidsim.verification.suite import list_cases, verify


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cases", nargs="*", metavar="CASE", help="names, families, patterns")
    parser.add_argument("--list", action="store_true", help="what cases there are, one line each")
    parser.add_argument("--out", type=place, default=Path("renders/verification"), metavar="DIR")
    parser.add_argument("--threads", type=whole(1, 1024), default=None, help="cases at a time")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def main(options: argparse.Namespace) -> int:
    if options.list:
        return guarded(list_cases, options.debug)
    command = " ".join(["fluidsim verify", *options.cases, f"--out {options.out}"])
    return guarded(
        lambda: verify(options.cases, options.out, options.threads, command), options.debug
    )
