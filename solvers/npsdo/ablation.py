"""What makes the network good: `python -m solvers.npsdo.ablation [MINUTES]` (of each training).

In 2D, with random geometries of 64 x 64 cells alone; judged on others of 64 and 128 cells a side
and on the model systems. The table names mean iterations to 1e-6, and the most, by size.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from solvers import runtime
from solvers.npsdo import gate, weights
from solvers.npsdo.data import Problem, Split, TrainingData, held_out
from solvers.npsdo.training import Training, TrainingOptions
from solvers.npsdo.weights import Network

SIZE, JUDGED, DIRECTIONS = 64, (64, 128), (0, 1, 2, 4)


def rows(minutes: float, size: int = SIZE, judged: tuple[int, ...] = JUDGED) -> dict[str, str]:
    """Scores by what was done."""
    problems = held_out(Split.TEST, 2, judged, [], seed=0, drawn=4)
    found = {}
    for kind in weights.KINDS:
        found[f"{kind}, untrained"] = _scores(problems, weights.untrained(kind, 2))
        for loss in ("residual", "energy"):
            network = trained(kind, loss, minutes, size)
            if kind == "npsdo":
                found[f"{kind}, {loss} loss"] = _scores(problems, network)
                continue
            for directions in DIRECTIONS:
                name = f"{kind}, {loss} loss, orthogonal to {directions}"
                found[name] = _scores(problems, network, directions)
    return found


def trained(kind: str, loss: str, minutes: float, size: int) -> Network:
    """A network after some minutes of training; the last, whatever a gate would say."""
    options = TrainingOptions(minutes=minutes, loss=loss, rate=1e-3, gates=1)
    training = Training(
        weights.untrained(kind, 2), TrainingData(2, (size,), [], 0), [], options, lambda line: None
    )
    with tempfile.TemporaryDirectory() as folder:
        training.run(Path(folder) / "ablation.safetensors", {})
    return training.average


def _scores(problems: list[Problem], network: Network, directions: int | None = None) -> str:
    return gate.table(gate.judge(problems, network, directions))


def main() -> None:
    runtime.configure()
    minutes = float(sys.argv[1]) if sys.argv[1:] else 3.0
    print(f"| after {minutes:g} minutes of training each | iterations, mean (most), by size |")
    print("|---|---|")
    for name, scores in rows(minutes).items():
        print(f"| {name} | {scores} |", flush=True)


if __name__ == "__main__":
    main()
