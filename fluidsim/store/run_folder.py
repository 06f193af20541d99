"""A run's folder: config.json, log.jsonl, frames/, video.mp4; probes.csv of a scene with probes.

config.json says what was asked for and how the run ended ("running", "done", "interrupted" or
"failed: ..."). The first line of log.jsonl names config, versions, machine, threads and commit;
each further line is one frame, or another such header where the run was resumed.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluidsim.errors import SimulationError
from fluidsim.files import remove_temporary, replacing, write_json
from fluidsim.store import checkpoint

if TYPE_CHECKING:
    from fluidsim.flow.report import FrameReport
    from fluidsim.flow.simulation import Simulation

LOGGED_PACKAGES = ("fluidsim-lab", "torch", "taichi", "numba", "numpy", "scipy", "pyamg")
LOG_VERSION = 1
_KINDS = {
    "bool": bool, "int": int, "float": (int, float), "str": str, "list[str]": list,
    "dict[str, float]": dict, "dict[str, int]": dict, "list[dict[str, list[float]]]": list,
}  # fmt: skip
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
    top_speed: float
    volume_error: float
    holes: int
    particles: int
    particles_added: int
    particles_removed: int
    particles_left: int
    particles_poured: int
    particles_drained: int
    smoke_mass: float
    smoke_added: float
    smoke_left: float
    smoke_faded: float
    smoke_burnt: float
    notes: str
    full: bool = False
    bodies: list[dict[str, list[float]]] = field(default_factory=list)
    choices: dict[str, int] = field(default_factory=dict)
    guesses: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @staticmethod
    def of(frame: int, simulation: Simulation, solver: str, report: FrameReport) -> FrameRecord:
        """The record of the frame that has just ended, without its timings."""
        return FrameRecord(
            frame=frame,
            time=simulation.time,
            solver=solver,
            volume_error=simulation.volume_error(),
            holes=simulation.holes(),
            particles=simulation.particle_count,
            smoke_mass=simulation.smoke_mass(),
            **dataclasses.asdict(report),
        )

    @staticmethod
    def read(line: Mapping[str, Any]) -> FrameRecord:
        """The record in a line of a log. Raises ValueError if the line is no such thing."""
        line = {"choices": {}, "guesses": {}, **line}  # which older logs do not have
        kinds = {each.name: str(each.type) for each in dataclasses.fields(FrameRecord)}
        if line.keys() != kinds.keys() or not all(
            isinstance(value, _KINDS[kinds[name]]) for name, value in line.items()
        ):
            raise ValueError(f"{json.dumps(line):.60} is no frame of a log of this version")
        return FrameRecord(**line)

    def judged(self, warnings: list[str], seconds: dict[str, float]) -> FrameRecord:
        rounded = {stage: round(value, 6) for stage, value in seconds.items()}
        return dataclasses.replace(self, warnings=warnings, seconds=rounded)


class RunFolder:
    """Writes a run; every file in it is whole, or a log whose last line was being written."""

    def __init__(self, path: Path, about: dict[str, Any]):
        self.path = path
        self.log = path / "log.jsonl"
        self._about = about

    @classmethod
    def new(cls, path: Path, about: dict[str, Any]) -> RunFolder:
        """Claim `path` for a new run. Raises SimulationError if it holds one, and OSError.

        about: config (the flags), scene (its parameters), grid (kind, shape, dx and caption of
        the frames).
        """
        if (path / "config.json").exists():
            raise SimulationError(
                f"{path} already holds a run; go on with --resume {path}, or choose another --out"
            )
        for name in ("log.jsonl", "frames", "checkpoints", "whitewater"):
            place = path / name
            if place.is_file() or (place.is_dir() and any(place.iterdir())):
                raise SimulationError(
                    f"{path} already holds {name} of a run without config.json; "
                    "choose another --out, or move them away"
                )
        folder = cls(path, about)
        folder.frames.mkdir(parents=True, exist_ok=True)
        folder.set_status("running")
        folder.log.write_text("", encoding="utf-8")
        return folder

    @classmethod
    def again(cls, path: Path, about: dict[str, Any], logged: int, frame: int) -> RunFolder:
        """Continue the run in `path` after a frame, of which the first `logged` stay in the log.

        Checkpoints of later frames are deleted; after frame 0 the run starts over.
        """
        folder = cls(path, about)
        remove_temporary(path)
        folder.frames.mkdir(exist_ok=True)
        lines = read_log(folder.log) if frame else []
        kept = [line for line in lines if line.get("frame", 0) <= logged]
        with replacing(folder.log) as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in kept), "utf-8")
        for file in checkpoint.stored(folder.checkpoints):
            if int(file.stem) > frame:
                file.unlink()
        folder.set_status("running")
        return folder

    @property
    def frames(self) -> Path:
        return self.path / "frames"

    @property
    def probes(self) -> Path:
        return self.path / "probes.csv"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    def records(self) -> list[FrameRecord]:
        """The frames in the log."""
        return read_records(self.log)

    def set_status(self, status: str) -> None:
        write_json(self.path / "config.json", {"status": status, **self._about})

    def write_header(self, header: dict[str, Any]) -> None:
        self.write({"version": LOG_VERSION, **header})

    def write(self, line: dict[str, Any]) -> None:
        """Append a line to the log."""
        with self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def read_config(path: Path) -> dict[str, Any]:
    """config.json of a stored run; raises OSError, and ValueError when it is not one."""
    file = path / "config.json"
    try:
        config = _parsed(_text(file))
    except ValueError as error:
        raise ValueError(f"{file} is damaged: {error}") from error
    if not isinstance(config, dict) or not {"config", "grid"} <= config.keys():
        raise ValueError(f"{file} is not one of a run")
    return config


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log, without a last one that was cut off.

    Raises OSError, and ValueError when another line is damaged.
    """
    values = []
    for number, line in enumerate(_text(path).split("\n")[:-1], start=1):
        try:
            value = _parsed(line)
        except ValueError as error:
            raise ValueError(f"{path}: line {number} is damaged: {error}") from error
        if not isinstance(value, dict):
            raise ValueError(f"{path}: line {number} is damaged: it is no line of a log")
        values.append(value)
    return values


def read_records(path: Path) -> list[FrameRecord]:
    """The frames in a log. Raises OSError, and ValueError when a line is damaged."""
    return [FrameRecord.read(line) for line in read_log(path) if "frame" in line]


def read_run(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """config.json and the frame lines of a stored run.

    Raises SimulationError with one line when the folder holds no readable run.
    """
    try:
        lines = read_log(path / "log.jsonl")
        return read_config(path), [line for line in lines if "frame" in line]
    except (OSError, ValueError) as error:
        raise SimulationError(f"{path} holds no readable run: {error}") from error


def _text(path: Path) -> str:
    most = MOST_BYTES[path.name]
    if path.stat().st_size > most:
        raise ValueError(f"{path.name} is larger than {most >> 20} MiB")
    return path.read_text(encoding="utf-8")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("JSON that is nested too deeply") from None


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


def _commit() -> str | None:
    """The git commit of the source; None outside a checkout."""
    folder = Path(__file__).resolve().parent
    try:
        result = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() if result.returncode == 0 else None
