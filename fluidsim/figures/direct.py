"""Direct solvers: on pressure systems, and on other equations."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg
import torch
from torch import Tensor

from fluidsim.figures.report import bench_cell, machine, markdown
from solvers import bench as solver_bench
from solvers import runtime
from solvers.direct import Direct, is_installed
from solvers.model_stencils import CASES, to_scipy
from solvers.model_systems import model_system
from solvers.schur import PATCH, Schur, factorize
from solvers.schur.coefficients import definite_coefficients
from solvers.schur.fronts import Fronts
from solvers.schur.tree import build, faces
from solvers.storage import StoredSystem
from solvers.system import PoissonSystem


@dataclass(frozen=True)
class DirectTrial:
    """A box for the direct solvers."""

    dim: int
    cells: int
    unlike: bool = False
    takes_superlu: bool = False

    @property
    def title(self) -> str:
        return f"{self.cells}^{self.dim}{', unlike' if self.unlike else ''}"

    def stored(self) -> StoredSystem:
        """The system, of random weights when unlike."""
        stored = model_system("box", (self.cells,) * self.dim)
        if not self.unlike:
            return stored
        random = torch.Generator().manual_seed(0)
        weights = tuple(
            w * (0.5 + torch.rand(w.shape, generator=random, dtype=w.dtype))
            for w in stored.system.face_weights
        )
        return dataclasses.replace(stored, system=PoissonSystem(weights, stored.system.active))


DIRECT_TRIALS = [
    DirectTrial(2, 257, takes_superlu=True),
    DirectTrial(2, 513, takes_superlu=True),
    DirectTrial(2, 513, unlike=True),
    DirectTrial(2, 1025, takes_superlu=True),
    DirectTrial(2, 1025, unlike=True),
    DirectTrial(3, 32, takes_superlu=True),
    DirectTrial(3, 48),
    DirectTrial(3, 48, unlike=True),
    DirectTrial(3, 64),
]
PIXELS = 513


def schur() -> str:
    """Direct solvers on boxes: setup + solve in ms, and what the factor of `schur` takes."""
    threads = runtime.configure().threads
    named = {"schur": Schur(), "schur, float32": Schur(precision="float32")}
    named |= {name: Direct(backend=name) for name in ("pardiso",) if is_installed(name)}
    named["superlu"] = Direct(backend="superlu")
    lines = [["ms to 1e-10, setup + solve", *named, "schur, MB"]]
    for trial in DIRECT_TRIALS:
        own = {k: v for k, v in named.items() if k != "superlu" or trial.takes_superlu}
        print(f"direct solvers on a box of {trial.title}", flush=True)
        stored = trial.stored()
        rows = solver_bench.bench({"box": stored}, own, rtol=1e-10)
        found = {row.solver: bench_cell(row.row()) for row in rows}
        megabytes = f"{_bytes(stored.system) / 1e6:,.0f}"
        lines.append([trial.title, *(found.get(name, "") for name in named), megabytes])
    note = (
        "Laplacian with p = 0 around a box, right-hand side noise, float64, residual 1e-10 (solves "
        'with the factor); "unlike": weights random in 0.5 ... 1.5, so that no two parts of the '
        "grid share a factor. MB: panels, Schur complements and vectors in float64. Medians of 5 "
        f"after one run for warm-up, which also pays the symbolic phase of `schur`, once a shape. "
        f"Machine: {machine()}, {threads} used."
    )
    return f"{markdown(lines)}\n\n{note}"


def _bytes(system: PoissonSystem) -> int:
    """What factorising takes in float64."""
    tree = build(system.shape, PATCH, faces(system.dim))
    return Fronts.of(tree, definite_coefficients(system, tree).numpy()).bytes(8)


def stencils() -> str:
    """`factorize` on equations that are not pressure, beside SuperLU."""
    threads = runtime.configure().threads
    lines = [[f"{PIXELS}^2", "ms", "residual", "SuperLU, ms", "residual"]]
    for title, make in CASES.items():
        print(f"{title} on {PIXELS}^2", flush=True)
        stencil = make((PIXELS, PIXELS))
        matrix = to_scipy(stencil)
        random = torch.Generator().manual_seed(1)
        rhs = torch.randn(PIXELS, PIXELS, generator=random, dtype=torch.float64)
        b = rhs.reshape(-1).numpy()

        def ours(stencil: Tensor = stencil, rhs: Tensor = rhs) -> np.ndarray:
            return factorize(stencil).solve(rhs).reshape(-1).numpy()

        def superlu(matrix: sp.csr_matrix = matrix, b: np.ndarray = b) -> np.ndarray:
            return scipy.sparse.linalg.splu(matrix.tocsc()).solve(b)

        line = [title]
        for solve, times in ((ours, 5), (superlu, 1)):
            seconds, x = _median_seconds(solve, times)
            residual = np.linalg.norm(b - matrix @ x) / np.linalg.norm(b)
            line += [f"{1e3 * seconds:,.0f}", f"{residual:.1e}"]
        lines.append(line)
    note = (
        "Factor and solve with one step of refinement, float64: medians of 5 after one run for "
        f"warm-up (SuperLU: one run). Machine: {machine()}, {threads} used."
    )
    return f"{markdown(lines)}\n\n{note}"


def _median_seconds(action: Callable[[], Any], times: int) -> tuple[float, Any]:
    """Median of the wall times of an action, after one run for warm-up when there are several,
    and what it returned last."""
    seconds, result = [], None
    for run in range(times + (times > 1)):
        begin = time.perf_counter()
        result = action()
        if run > 0 or times == 1:
            seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds), result
