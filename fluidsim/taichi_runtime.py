"""The only place where Taichi is initialised."""

from __future__ import annotations

import atexit
import contextlib
import io
import os
from pathlib import Path
from typing import Any

import taichi as ti
from taichi.lang import kernel_impl
from taichi.lang.ast.ast_transformer_utils import ASTTransformerContext

from solvers.runtime import Runtime, configure

# By default Taichi tells its makers of each use.
os.environ.setdefault("TI_SKIP_VERSION_CHECK", "ON")

_started: Runtime | None = None


def cache_folder() -> Path:
    """Where compiled kernels are kept between processes."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "fluidsim" / "taichi"


def start(runtime: Runtime) -> None:
    """Initialise Taichi for `runtime`; a second call with the same settings does nothing."""
    global _started
    if _started == runtime:
        return
    ASTTransformerContext.get_pos_info = _position
    kernel_impl._inside_class = _outside_of_classes
    atexit.register(ti.reset)  # which writes what was compiled; left to Python's end it often fails
    with contextlib.redirect_stdout(io.StringIO()):  # it prints on which device it starts
        ti.init(
            arch=ti.cuda if runtime.device.type == "cuda" else ti.cpu,
            cpu_max_num_threads=runtime.threads,
            offline_cache=True,
            offline_cache_file_path=str(cache_folder()),
            log_level=ti.ERROR,
            random_seed=0,
            unrolling_limit=0,  # loops over the 64 values of a cubic are meant
        )
    _started = runtime


def ensure_started() -> None:
    """Initialise Taichi on all CPU cores unless `start` has been called."""
    if _started is None:
        start(configure())


def _position(self: Any, node: Any) -> str:
    """Where a node of a kernel stands, for error messages.

    Taichi's own text quotes the source, wrapped and underlined, and is made for every node of
    every kernel in every process: that took a third of the time to load them.
    """
    line = node.lineno + self.lineno_offset
    return f'File "{self.file}", line {line}, in {self.func.func.__name__}:\n'


def _outside_of_classes(level_of_class_stackframe: int) -> bool:
    """Whether a kernel is a method: none is here.

    Taichi's own answer, from the source around each kernel, looks through all loaded modules.
    """
    return False
