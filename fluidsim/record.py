"""A run's folder: config.json, log.jsonl, frames/, video.mp4.

config.json says what was asked for and how the run ended ("running", "done", "interrupted" or
"failed: ..."). The first line of log.jsonl names config, versions, machine, threads and commit;
each further line is one frame.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluidsim.files import write_json
from fluidsim.simulation import FrameReport, SimulationError

LOGGED_PACKAGES = ("fluidsim-lab", "torch", "taichi", "numba", "numpy", "scipy", "pyamg")
LOG_VERSION = 1
MOST_BYTES = {"config.json": 2**24, "log.jsonl": 2**30}  # of files that are read


@dataclass(frozen=True)
class FrameRecord:
    """One line of the log; see FrameReport for what is summed and what is worst."""

    frame: int
    time: float
    substeps: int
    unknowns: int
    solver: str
    iterations: int
    viscosity_iterations: int
    relative_residual: float
    max_divergence: float
    volume_error: float
    particles: int
    particles_added: int
    particles_removed: int
    particles_left: int
    particles_poured: int
    particles_drained: int
    notes: str
    seconds: dict[str, float]

    @staticmethod
    def of(
        frame: int,
        time: float,
        solver: str,
        report: FrameReport,
        volume_error: float,
        particles: int,
        seconds: dict[str, float],
    ) -> FrameRecord:
        return FrameRecord(
            frame=frame,
            time=time,
            solver=solver,
            volume_error=volume_error,
            particles=particles,
            seconds={stage: round(value, 6) for stage, value in seconds.items()},
            **dataclasses.asdict(report),
        )


class RunFolder:
    """Writes a run; every file in it is whole, or a log whose last line was being written."""

    def __init__(
        self, path: Path, config: dict[str, Any], scene: dict[str, Any], grid: dict[str, Any]
    ):
        """Claim `path` for a new run. Raises SimulationError if it holds one, and OSError.

        config: the flags. scene: its parameters. grid: kind, shape, dx and caption of the frames.
        """
        if (path / "config.json").exists():
            raise SimulationError(f"{path} already holds a run; choose another --out")
        self.path = path
        self.frames.mkdir(parents=True, exist_ok=True)
        self._config = {"config": config, "scene": scene, "grid": grid}
        self.set_status("running")
        self.log = path / "log.jsonl"
        self.log.write_text("", encoding="utf-8")

    @property
    def frames(self) -> Path:
        return self.path / "frames"

    def set_status(self, status: str) -> None:
        write_json(self.path / "config.json", {"status": status, **self._config})

    def write_header(self, header: dict[str, Any]) -> None:
        self._append({"version": LOG_VERSION, **header})

    def write_record(self, record: FrameRecord) -> None:
        self._append(dataclasses.asdict(record))

    def _append(self, line: dict[str, Any]) -> None:
        with self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def read_run(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """config.json and the frame lines of a stored run.

    Raises SimulationError with one line when the folder holds no readable run.
    """
    try:
        for name, most in MOST_BYTES.items():
            if (path / name).stat().st_size > most:
                raise ValueError(f"{name} is larger than {most >> 20} MiB")
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        lines = list(_frame_lines(path / "log.jsonl"))
    except (OSError, ValueError, RecursionError) as error:
        raise SimulationError(f"{path} holds no readable run: {error}") from error
    if not isinstance(config, dict) or not {"config", "grid"} <= config.keys():
        raise SimulationError(f"{path} holds no readable run: config.json is not one of a run")
    return config, lines


def header(threads: int, device: str) -> dict[str, Any]:
    """What a log must say about the machine and the software."""
    versions = {"python": platform.python_version()}
    for package in LOGGED_PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "versions": versions,
        "machine": {"system": platform.platform(), "processor": processor_name()},
        "threads": threads,
        "device": device,
        "commit": _commit(),
    }


def processor_name() -> str:
    """The model of the CPU, as far as the system tells."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _frame_lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        value = json.loads(line)
        if isinstance(value, dict) and "frame" in value:
            yield value


def _commit() -> str | None:
    """The git commit of the source, None outside a checkout."""
    folder = Path(__file__).resolve().parent
    try:
        result = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() if result.returncode == 0 else None
