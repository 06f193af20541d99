"""The subcommands of `fluidsim`: a module each, with its flags and what it does."""

import solvers  # noqa: F401  before Taichi: it finds a place for the kernels of both
