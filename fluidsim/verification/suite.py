"""The suite: it runs its cases in parallel, one per core, and writes their findings to a page."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from fluidsim.errors import SimulationError
from fluidsim.processes import spawning
from fluidsim.runs.progress import Progress
from fluidsim.verification.case import Case, Findings
from fluidsim.verification.cases import CASES, chosen
from fluidsim.verification.page import write_page
from solvers.runtime import available_threads


@dataclass(frozen=True)
class Outcome:
    """The outcome of a case: its findings, or the error that ended it; and its duration."""

    findings: Findings | None
    error: str
    seconds: float

    @property
    def holds(self) -> bool:
        return self.findings is not None and all(check.holds for check in self.findings.checks)


def verify(patterns: Sequence[str], out: Path, processes: int | None, command: str) -> None:
    """Run cases and write OUT/VERIFICATION.md with its plots.

    Raises ValueError if a name matches no case, and SimulationError, with one line that names the
    cases, if any are outside their tolerances.
    """
    cases = chosen(patterns)
    out.mkdir(parents=True, exist_ok=True)
    most = available_threads()
    processes = most if processes is None else processes
    if not 1 <= processes <= most:
        raise ValueError(f"threads must be between 1 and {most} on this machine, not {processes}")
    begin = time.perf_counter()
    outcomes: dict[str, Outcome] = {}
    with Progress(len(cases), what="case") as progress:
        for name, outcome in _outcomes(cases, processes):
            outcomes[name] = outcome
            progress.step(name if outcome.holds else f"{name} falls short")
    ordered = {case: outcomes[case.name] for case in cases}
    page = write_page(out, ordered, command, processes, time.perf_counter() - begin)
    short = [case.name for case, outcome in ordered.items() if not outcome.holds]
    print(f"{len(cases) - len(short)} of {len(cases)} cases hold: {page}")
    if short:
        raise SimulationError(f"outside their tolerances: {', '.join(short)}")


def list_cases() -> None:
    width = max(len(case.name) for case in CASES)
    for case in CASES:
        print(f"{case.name:{width}} {case.what}")


def run_case(case: Case) -> Outcome:
    begin = time.perf_counter()
    try:
        findings, error = case.run(), ""
    except Exception as caught:  # a case that cannot run must not stop the others
        findings, error = None, " ".join(f"{type(caught).__name__}: {caught}".split())
    return Outcome(findings, error, time.perf_counter() - begin)


def _outcomes(cases: Sequence[Case], processes: int) -> Iterator[tuple[str, Outcome]]:
    """Outcomes as they arrive; the longest cases start first."""
    if processes == 1:
        yield from ((case.name, run_case(case)) for case in cases)
        return
    with ProcessPoolExecutor(processes, spawning()) as pool:
        by_cost = sorted(cases, key=lambda case: -case.seconds)
        running = {pool.submit(run_case, case): case.name for case in by_cost}
        try:
            for done in as_completed(running):
                yield running[done], done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
