"""Training of the networks: rounds of solves with the current network, and steps on their samples.

All random numbers of a round follow from the seed and the number of the round, so a checkpoint
between rounds needs only parameters and moments.
"""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from solvers.npsdo import gate, weights
from solvers.npsdo.bank import Samples, collect
from solvers.npsdo.data import Problem, Split, TrainingData, generator
from solvers.npsdo.loss import LOSSES
from solvers.npsdo.weights import Network
from solvers.tensor_files import read, write

# A paused process must not use up the budget: a step or a gate counts at most this many seconds.
_LONGEST, _LONGEST_GATE = 30.0, 300.0
_CLIP = 1.0
_LEAST_RATE = 0.02


@dataclass(frozen=True)
class TrainingOptions:
    """Options of a training.

    steps, minutes: the budget; minutes count if steps is 0. rate: the largest learning rate; it
    rises over `warm_up` steps and falls as a cosine. systems: systems drawn and solved in each
    round; round_steps: steps on them. samples: samples kept of each solve. cells: cells per step,
    batch times grid. average: decay of the running mean of the parameters, which is what is judged
    and written. gates: number of evaluations on held-out problems.
    """

    seed: int = 0
    steps: int = 0
    minutes: float = 10.0
    rate: float = 3e-4
    warm_up: int = 200
    loss: str = "energy"
    systems: int = 10
    round_steps: int = 160
    samples: int = 12
    cells: int = 2**17
    average: float = 0.998
    gates: int = 8


@dataclass
class Progress:
    """State of a training: steps and rounds done, seconds spent, gates passed, scores."""

    step: int = 0
    round: int = 0
    seconds: float = 0.0
    gates: int = 0
    initial: gate.Scores | None = None
    best: gate.Scores | None = None


class Training:
    """A network in training with its optimiser and the running mean of its parameters."""

    def __init__(
        self, network: Network, data: TrainingData, held_out: Sequence[Problem],
        options: TrainingOptions, report: Callable[[str], None] = print,
        tick: Callable[[float, str], None] = lambda part, note: None,
    ) -> None:  # fmt: skip
        """report: called with each line. tick: called after each step with part done and a note."""
        self.network = network.train().requires_grad_(True)
        self.average: Any = copy.deepcopy(network).eval().requires_grad_(False)
        self.device = next(network.parameters()).device
        self.held_out = [problem.to(self.device) for problem in held_out]
        self.data, self.options, self.report, self.tick = data, options, report, tick
        self.optimiser = torch.optim.Adam(network.parameters(), lr=options.rate)
        self.progress = Progress()

    def part_done(self) -> float:
        """The fraction of the budget that is spent, 0 to 1."""
        if self.options.steps:
            return min(1.0, self.progress.step / self.options.steps)
        return min(1.0, self.progress.seconds / (60 * self.options.minutes))

    def run(
        self,
        out: str | os.PathLike[str],
        notes: dict[str, str],
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> gate.Scores:
        """Train to the end of the budget and return the scores of the best network.

        The best network so far is always in `out`. checkpoint: a file that is written after each
        round, from which `restore` continues.
        """
        if self.progress.initial is None:
            self.progress.initial = self.progress.best = gate.judge(self.held_out, self.average)
            self.report(f"before training: {gate.table(self.progress.initial)}")
            self._write(out, notes)
        while (part := self.part_done()) < 1:
            self._round()
            if self.part_done() >= min(1.0, (self.progress.gates + 1) / self.options.gates):
                self._gate(out, notes)
            if checkpoint is not None:
                self.save(checkpoint)
        assert self.progress.best is not None and part >= 1
        return self.progress.best

    def _round(self) -> None:
        options, progress = self.options, self.progress
        random = generator(options.seed, Split.TRAINING, progress.round, 1)
        bank: list[Samples] = []
        enough = (1 + self.part_done()) / 2  # solves take half of what is left at most
        for problem in self.data.round(progress.round, options.systems):
            begin = time.monotonic()
            drawn = problem.to(self.device)
            samples = collect(drawn, self.average, random, options.samples, options.loss)
            if samples is not None:
                bank.append(samples)
            self._spend(begin)
            self.tick(self.part_done(), f"round {progress.round + 1}: {len(bank)} systems")
            if bank and self.part_done() > enough:
                break
        if not bank and progress.step:
            raise ValueError(
                f"training diverged after {progress.step} steps: the network no longer solves any "
                "system; the best one so far was kept, try a smaller learning rate"
            )
        if not bank:
            raise ValueError("no system of a whole round needs or allows a solve to learn from")
        losses = []
        for _ in range(options.round_steps):
            if self.part_done() >= 1:
                break
            begin = time.monotonic()
            samples = bank[random.integers(len(bank))]
            count = min(len(samples.residuals), max(1, options.cells // samples.cells))
            chosen = torch.from_numpy(random.choice(len(samples.residuals), count, replace=False))
            losses.append(self._step(samples, chosen))
            self._spend(begin)
            self.tick(self.part_done(), f"step {progress.step}, loss {losses[-1]:.3f}")
        progress.round += 1
        if losses:
            left = progress.seconds * (1 / max(1e-9, self.part_done()) - 1)
            self.report(
                f"round {progress.round}: {progress.step} steps, loss "
                f"{sum(losses) / len(losses):.4f}, {progress.seconds:.0f} s, ETA {left:.0f} s"
            )

    def _step(self, samples: Samples, chosen: Tensor) -> float:
        options, network = self.options, self.network
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        r, e = samples.residuals[chosen], samples.errors[chosen]
        levels = samples.fitted.levels(network)
        d = samples.fitted.apply(network, levels, r) * (samples.operator.scale > 0)
        loss = LOSSES[options.loss](samples.operator, r, e, d).mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
        if torch.isfinite(norm):
            self.optimiser.step()
        self.progress.step += 1
        decay = min(options.average, self.progress.step / (self.progress.step + 9))
        with torch.no_grad():
            pairs = zip(self.average.parameters(), network.parameters(), strict=True)
            for mean, now in pairs:
                mean.lerp_(now, 1 - decay)
        return float(loss.detach())

    def rate(self) -> float:
        """The present learning rate."""
        warm = min(1.0, (self.progress.step + 1) / self.options.warm_up)
        cosine = 0.5 * (1 + math.cos(math.pi * self.part_done()))
        return self.options.rate * warm * (_LEAST_RATE + (1 - _LEAST_RATE) * cosine)

    def _gate(self, out: str | os.PathLike[str], notes: dict[str, str]) -> None:
        progress = self.progress
        assert progress.initial is not None and progress.best is not None
        progress.gates = int(self.part_done() * self.options.gates)
        begin = time.monotonic()
        scores = gate.judge(self.held_out, self.average)
        self._spend(begin, _LONGEST_GATE)
        accepted = gate.accepts(progress.initial, progress.best, scores)
        verdict = "accepted" if accepted else "refused"
        self.report(f"gate at {progress.step} steps: {gate.table(scores)}: {verdict}")
        if accepted:
            progress.best = scores
            self._write(out, notes)

    def _write(self, out: str | os.PathLike[str], notes: dict[str, str]) -> None:
        progress = self.progress
        assert progress.initial is not None and progress.best is not None
        found = {
            "steps": str(progress.step),
            "minutes": f"{progress.seconds / 60:.1f}",
            "loss": self.options.loss,
            "learning rate": f"{self.options.rate:g}",
            "seed": str(self.options.seed),
            "untrained": gate.table(progress.initial),
            "trained": gate.table(progress.best),
        }
        weights.save(out, self.average, {**notes, **found})

    def _spend(self, begin: float, most: float = _LONGEST) -> None:
        self.progress.seconds += min(time.monotonic() - begin, most)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything that `restore` needs; the file is complete or absent."""
        tensors = {f"network.{name}": v for name, v in self.network.state_dict().items()}
        tensors |= {f"average.{name}": v for name, v in self.average.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            for key, moment in self.optimiser.state[parameter].items():
                tensors[f"{key}.{name}"] = moment
        tensors = {name: v.detach().cpu().contiguous() for name, v in tensors.items()}
        about = {"progress": json.dumps(asdict(self.progress)), "settings": self._settings()}
        write(path, tensors, about)

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Continue from a checkpoint.

        Raises ValueError with one line if it is damaged or was made with other settings.
        """
        tensors, about = read(path)
        if about.get("settings") != self._settings():
            raise ValueError(f"{path} was made with other settings; give the same or start anew")
        try:
            for name, values in self.network.state_dict().items():
                values.copy_(tensors[f"network.{name}"])
            for name, values in self.average.state_dict().items():
                values.copy_(tensors[f"average.{name}"])
            for name, parameter in self.network.named_parameters():
                self.optimiser.state[parameter] = {
                    key: tensors[f"{key}.{name}"].clone()
                    for key in ("step", "exp_avg", "exp_avg_sq")
                    if f"{key}.{name}" in tensors
                }
            stored = json.loads(about["progress"])
            for key in ("initial", "best"):
                if stored[key] is not None:
                    stored[key] = {int(n): (mean, most) for n, (mean, most) in stored[key].items()}
            self.progress = Progress(**stored)
        except (KeyError, RuntimeError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{path} is not a whole checkpoint: {error}") from error

    def _settings(self) -> str:
        """The settings that a resumed training must share with the original: all but the budget."""
        options = {
            name: value
            for name, value in asdict(self.options).items()
            if name not in ("steps", "minutes", "gates")
        }
        network = {"kind": type(self.network).__name__, "dim": self.network.dim}
        data = {"sizes": list(self.data.sizes), "recorded": len(self.data.recorded)}
        return json.dumps({**options, **network, **data}, sort_keys=True)
