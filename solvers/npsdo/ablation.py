"""Which choices make the network good: `python -m solvers.npsdo.ablation [STEPS_OF_EACH_TRAINING]`.

Networks are trained in 2D on random geometries of 64 x 64 cells only, and judged on others of 64
and 128 cells a side and on the model systems.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from solvers import runtime
from solvers.npsdo import card, gate, weights
from solvers.npsdo.data import Problem, Split, TrainingData, held_out
from solvers.npsdo.training import Training, TrainingOptions
from solvers.npsdo.weights import Network

NAME = "ABLATION.md"
SIZE, JUDGED, DIRECTIONS, STEPS = 64, (64, 128), (0, 1, 2, 4), 1500
_HEAD = """# What makes the networks good

Written by `python -m solvers.npsdo.ablation {steps}`: each training takes {steps} steps from the
same start on the same random geometries of 64 x 64 cells. Iterations to a relative residual of
1e-6 on held-out problems, by size: mean (largest). "Energy" is the A-norm of the error. The paper's
network is not symmetric, so its directions are made A-orthogonal to some previous ones (n_ortho).

| network, loss, directions before | iterations |
|---|---|
"""


def rows(
    steps: int, size: int = SIZE, judged: tuple[int, ...] = JUDGED
) -> Iterator[tuple[str, str]]:
    """What was trained, and its scores."""
    problems = held_out(Split.TEST, 2, judged, [], seed=0, drawn=4)
    for kind in ("npsdo", "npsdo-paper"):
        yield f"{kind}, untrained", _scores(problems, weights.untrained(kind, 2))
        for loss in ("residual", "energy"):
            network = trained(kind, loss, steps, size)
            if kind == "npsdo":
                yield f"{kind}, {loss}", _scores(problems, network)
                continue
            for directions in DIRECTIONS:
                yield f"{kind}, {loss}, {directions}", _scores(problems, network, directions)


def trained(kind: str, loss: str, steps: int, size: int) -> Network:
    """A network after a number of training steps: the last one, whatever a gate would say."""
    options = TrainingOptions(steps=steps, loss=loss, rate=1e-3, gates=1)
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
    steps = int(sys.argv[1]) if sys.argv[1:] else STEPS
    text = _HEAD.format(steps=steps)
    for name, scores in rows(steps):
        line = f"| {name} | {scores} |"
        print(line, flush=True)
        text += f"{line}\n"
    print(card.replace(weights.shipped("npsdo", 2).with_name(NAME), text))


if __name__ == "__main__":
    main()
