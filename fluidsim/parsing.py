"""Command lines: a parser whose errors are one line, and the values of flags."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line and exits with 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


class DefaultsInHelp(argparse.HelpFormatter):
    """Adds the defaults of flags that take a value and have one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        unsaid = action.default in (None, argparse.SUPPRESS) or action.nargs == 0
        return action.help if unsaid else f"{action.help} (default: %(default)s)"


class Changes(argparse.Action):
    """Collects NAME=VALUE by name; the last value of a name counts."""

    def __call__(self, parser, namespace, values: Any, option_string=None) -> None:
        name, value = values
        setattr(namespace, self.dest, {**(getattr(namespace, self.dest) or {}), name: value})


def change(text: str) -> tuple[str, str]:
    """The two sides of NAME=VALUE."""
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not like viscosity=0.1")
    return name, value


def place(text: str) -> Path:
    """A file or folder; ~ is the home folder, also where no shell has replaced it."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise argparse.ArgumentTypeError(f"there is no home folder for {text!r}") from None


def lasting_place(text: str) -> Path:
    """A file that is found again from another folder."""
    return place(text).absolute()


def whole(least: int, most: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"must be between {least} and {most}, not {text}")
        return value

    return convert


def frame_range(text: str) -> tuple[int | None, int | None]:
    """The first and the last of frames A:B; A: and :B go to the ends, A is one frame."""
    parts = re.fullmatch(r"(\d*)(:?)(\d*)", text)
    if parts is None or text in ("", ":"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a range of frames like 10:20")
    first, last = (int(part) if part else None for part in parts.group(1, 3))
    last = last if parts[2] else first
    if first is not None and last is not None and last < first:
        raise argparse.ArgumentTypeError(f"the last frame of {text} comes before the first")
    return first, last


def number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"must be finite, not {text}")
    return value


def positive(text: str) -> float:
    value = number(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"must be positive, not {text}")
    return value


def not_negative(text: str) -> float:
    value = number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must not be negative, not {text}")
    return value


def exposure(text: str) -> float:
    value = number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be between 0 and 1, not {text}")
    return value


def tolerance(text: str) -> float:
    value = positive(text)
    if not 1e-13 <= value < 1:
        raise argparse.ArgumentTypeError(f"must be between 1e-13 and 1, not {text}")
    return value


def picture_size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size like 1280x720")
    size = (int(width), int(height))
    if not all(16 <= side <= 8192 for side in size):
        raise argparse.ArgumentTypeError(f"sides must be between 16 and 8192, not {text}")
    return size


def add_cluster_flags(parser: argparse.ArgumentParser, doing: str) -> None:
    """Add --cluster [ADDRESS] and --workers. doing: what many workers do."""
    parser.add_argument(
        "--cluster", nargs="?", const="", metavar="ADDRESS",
        help=f"{doing} on many workers: of a Dask scheduler, or of this machine",
    )  # fmt: skip
    parser.add_argument(
        "--workers", type=whole(1, 1024), metavar="N", help="of this machine (as many as fit)"
    )


def check_cluster_flags(options: argparse.Namespace, prog: str) -> None:
    """Exits with 2 and one line where the two do not go together."""
    if options.workers is not None and options.cluster != "":
        OneLineParser(prog).error("--workers goes with --cluster without an address")
