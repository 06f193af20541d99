"""The scenes that a training records, run by the workers of a cluster."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from fluidsim.cluster import placing
from fluidsim.cluster.errand import wait_until_free
from fluidsim.cluster.making import make_all
from fluidsim.cluster.placing import Job
from fluidsim.cluster.plan import Planned
from fluidsim.cluster.workers import Place
from fluidsim.errors import SimulationError
from fluidsim.files import remove_temporary
from fluidsim.runs.flags import parse_run
from fluidsim.tools.budget import Budget
from fluidsim.tools.recordings import Record, Recording, Say


def recorder(place: Place) -> Record:
    """What makes recordings on workers, from small ones to large ones as long as there is time.

    The systems are those of `record_here`, bit for bit where the runs have as many threads. One
    that was stopped is begun anew; one whose worker is lost goes on from its last checkpoint.
    """

    def record(recordings: Sequence[Recording], budget: Budget, say: Say) -> None:
        missing = [each for each in recordings if not each.is_done]
        if not missing or budget.for_recording() <= 0:
            return
        for each in missing:
            shutil.rmtree(each.out, ignore_errors=True)
        root = missing[0].out.absolute().parent.parent
        root.mkdir(parents=True, exist_ok=True)
        jobs = placing.jobs_of([_planned(each) for each in missing], root)
        placing.check_disk(jobs, root)
        say(f"recording {len(jobs)} runs on workers")
        failures = make_all(jobs, place, _Watcher(say), budget.for_recording())
        for job in jobs:
            _leave_whole_files(job.folder)
        if failures:
            name, line = next(iter(failures.items()))
            raise SimulationError(f"recording {name}: {line}")

    return record


class _Watcher:
    """Passes on what is said of the runs."""

    def __init__(self, say: Say):
        self._say = say

    def say(self, line: str) -> None:
        self._say(line)

    def ended(self, job: Job, how: str) -> None:
        self.say(f"recording {job.run.name} {how}")

    def look(self) -> None:
        """The bar of the training goes by the clock."""


def _planned(recording: Recording) -> Planned:
    config = parse_run(recording.scene, recording.flags, "", "fluidsim train")
    return Planned(recording.name, recording.scene, {}, config)


def _leave_whole_files(folder: Path) -> None:
    """Once the run has ended, however it did."""
    wait_until_free(folder)
    remove_temporary(folder)
