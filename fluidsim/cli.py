"""The command `fluidsim`: run, render, compare, bench, verify, and what goes with them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import scipy.io

import solvers
from fluidsim import taichi_runtime
from fluidsim.export import TARGETS, export
from fluidsim.files import replacing
from fluidsim.runs.catalogue import scene_module, scene_names
from fluidsim.runs.drawing import Drawing
from fluidsim.runs.flags import (
    OneLineParser,
    add_picture_flags,
    parse_run,
    picture_size,
    tolerance,
    whole,
)
from fluidsim.runs.progress import Progress
from fluidsim.runs.run import make_video, run
from fluidsim.runs.stopping import guarded
from fluidsim.scene.config import PICTURE_FLAGS
from fluidsim.store.stored_run import open_run
from fluidsim.tools.compare import compare, run_bench
from fluidsim.tools.train import add_train_flags, train
from fluidsim.verification.suite import list_cases, verify
from fluidsim.view import WHAT, view
from solvers import runtime
from solvers.model_systems import KINDS, SCENES, model_system
from solvers.storage import load_system, save_system


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit status (see fluidsim.runs.run.run)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["run"] and len(arguments) > 1 and not arguments[1].startswith("-"):
        return _run(arguments[1], arguments[2:])
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    options.rest = rest
    if rest and options.command != "compare":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return options.action(options)


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="fluidsim", description=__doc__)
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=OneLineParser
    )
    listing = commands.add_parser("scenes", help="what scenes there are, one line each")
    listing.set_defaults(action=_list_scenes)
    listing = commands.add_parser("solvers", help="what solvers there are, one line each")
    listing.set_defaults(action=_list_solvers)
    runner = commands.add_parser("run", help="run a scene: fluidsim run SCENE [its flags]")
    runner.add_argument("scene", choices=scene_names())
    runner.set_defaults(action=lambda options: _run(options.scene, []))
    render = commands.add_parser("render", help="draw the stored frames of a run again")
    render.add_argument("folder", type=Path, metavar="RUN_DIR")
    add_picture_flags(render)
    render.add_argument("--debug", action="store_true", help="show the traceback of an error")
    render.set_defaults(action=_render)
    exporter = commands.add_parser("export", help="the frames of a run for other programs")
    exporter.add_argument("folder", type=Path, metavar="RUN_DIR")
    exporter.add_argument(
        "--to", choices=list(TARGETS), required=True,
        help="surface: .ply meshes; vtp: the same for ParaView; usd: one stage",
    )  # fmt: skip
    exporter.add_argument("--out", type=Path, default=None, help="folder, or file for usd")
    exporter.add_argument("--debug", action="store_true", help="show the traceback of an error")
    exporter.set_defaults(action=_export)
    viewer = commands.add_parser(
        "view", help="look at a run in a window, or save a technical still"
    )
    viewer.add_argument("folder", type=Path, metavar="RUN_DIR")
    viewer.add_argument("--what", choices=list(WHAT), default=None, help="(what suits the run)")
    viewer.add_argument("--frame", type=whole(0, 10**9), default=None, help="(the last)")
    viewer.add_argument("--save", type=Path, default=None, metavar="FILE.png", help="no window")
    viewer.add_argument("--size", type=picture_size, default=(1280, 720), metavar="WxH")
    viewer.add_argument("--debug", action="store_true", help="show the traceback of an error")
    viewer.set_defaults(action=_view)
    compare = commands.add_parser(
        "compare",
        help="run a scene, its systems to all solvers, report.html",
        epilog="All other flags are those of the scene: see fluidsim run SCENE --help.",
    )
    compare.add_argument("scene", choices=scene_names())
    compare.add_argument(
        "--solvers", nargs="+", choices=solvers.available(), default=None, metavar="NAME"
    )
    compare.add_argument("--every", type=whole(1, 10**6), default=10, help="store each N-th system")
    compare.add_argument("--repeats", type=whole(1, 1000), default=5)
    compare.add_argument(
        "--independent", action="store_true", help="run the scene with each solver, side by side"
    )
    compare.add_argument("--out", type=Path, default=None, help="(renders/compare-SCENE)")
    compare.add_argument("--debug", action="store_true", help="show the traceback of an error")
    compare.set_defaults(action=_compare)
    bench = commands.add_parser("bench", help="time solvers on the stored systems of a run")
    bench.add_argument("folder", type=Path, metavar="SYSTEMS_DIR", help="or the run's folder")
    bench.add_argument("--solvers", nargs="+", choices=solvers.available(), metavar="NAME")
    bench.add_argument("--rtol", type=tolerance, default=1e-6)
    bench.add_argument("--repeats", type=whole(1, 1000), default=5)
    bench.add_argument("--no-guess", action="store_true", help="start from zero")
    bench.add_argument("--threads", type=whole(1, 1024), default=None)
    bench.add_argument("--out", type=Path, default=None, help="for results (SYSTEMS_DIR/bench)")
    bench.add_argument("--debug", action="store_true", help="show the traceback of an error")
    bench.set_defaults(action=_bench)
    trainer = commands.add_parser("train", help="train the network of a neural preconditioner")
    trainer.add_argument("solver", choices=("npsdo",))
    add_train_flags(trainer)
    trainer.set_defaults(action=lambda options: guarded(lambda: train(options), options.debug))
    verifier = commands.add_parser("verify", help="run flows with known answers, write a page")
    verifier.add_argument("cases", nargs="*", metavar="CASE", help="names, families, patterns")
    verifier.add_argument("--list", action="store_true", help="what cases there are, one line each")
    verifier.add_argument("--out", type=Path, default=Path("renders/verification"), metavar="DIR")
    verifier.add_argument("--threads", type=whole(1, 1024), default=None, help="cases at a time")
    verifier.add_argument("--debug", action="store_true", help="show the traceback of an error")
    verifier.set_defaults(action=_verify)
    models = commands.add_parser(
        "model-systems", help="store systems of any size for bench, without a simulation"
    )
    models.add_argument("folder", type=Path, metavar="OUT")
    models.add_argument("--kinds", nargs="+", choices=list(KINDS), default=SCENES)
    models.add_argument("--dim", type=int, choices=(2, 3), default=3)
    models.add_argument("--resolution", type=whole(1, 4096), default=64, help="cells an axis (64)")
    models.add_argument("--seed", type=whole(0, 2**31), default=0)
    models.add_argument("--debug", action="store_true", help="show the traceback of an error")
    models.set_defaults(action=_model_systems)
    matrix = commands.add_parser(
        "export-system", help="a stored pressure system as Matrix Market files"
    )
    matrix.add_argument("system", type=Path, metavar="SYSTEM.npz")
    matrix.add_argument("out", type=Path, metavar="OUT.mtx", help="matrix; OUT_rhs.mtx beside it")
    matrix.add_argument("--debug", action="store_true", help="show the traceback of an error")
    matrix.set_defaults(action=_export_system)
    return parser


def _run(name: str, flags: Sequence[str]) -> int:
    if name not in scene_names():
        print(
            f"fluidsim run: error: no scene {name!r}; there are {', '.join(scene_names())}",
            file=sys.stderr,
        )
        return 2
    return run(scene_module(name).build, flags, prog=f"fluidsim run {name}")


def _list_scenes(options: argparse.Namespace) -> int:
    width = max(map(len, scene_names()))
    for name in scene_names():
        print(f"{name:{width}} {(scene_module(name).__doc__ or '').strip()}")
    return 0


def _list_solvers(options: argparse.Namespace) -> int:
    for name in solvers.available():
        try:
            line = solvers.describe(name)
        except ValueError as error:  # of another package
            line = str(error)
        print(f"{name:14} {line}")
    return 0


def _render(options: argparse.Namespace) -> int:
    return guarded(lambda: _draw_run(options), options.debug)


def _compare(options: argparse.Namespace) -> int:
    build = scene_module(options.scene).build
    parse_run(options.scene, options.rest, "", "fluidsim compare")  # wrong flags end it here
    return guarded(
        lambda: compare(
            build, options.scene, options.solvers or solvers.available(), options.rest,
            options.every, options.repeats, options.independent,
            options.out or Path("renders") / f"compare-{options.scene}",
        ),
        options.debug,
    )  # fmt: skip


def _bench(options: argparse.Namespace) -> int:
    names = options.solvers or solvers.available()
    return guarded(
        lambda: run_bench(
            options.folder, names, options.rtol, options.repeats, not options.no_guess,
            options.threads, options.out or options.folder / "bench",
        ),
        options.debug,
    )  # fmt: skip


def _model_systems(options: argparse.Namespace) -> int:
    return guarded(lambda: _store_models(options), options.debug)


def _store_models(options: argparse.Namespace) -> None:
    options.folder.mkdir(parents=True, exist_ok=True)
    for kind in options.kinds:
        stored = model_system(kind, (options.resolution,) * options.dim, options.seed)
        path = options.folder / f"{kind}-{options.dim}d-{options.resolution}.npz"
        with replacing(path) as temporary:
            save_system(temporary, stored)
        print(f"{path}: {stored.system.unknowns:,} unknowns")


def _verify(options: argparse.Namespace) -> int:
    if options.list:
        return guarded(list_cases, options.debug)
    command = " ".join(["fluidsim verify", *options.cases, f"--out {options.out}"])
    return guarded(
        lambda: verify(options.cases, options.out, options.threads, command), options.debug
    )


def _export(options: argparse.Namespace) -> int:
    return guarded(lambda: print(export(options.folder, options.to, options.out)), options.debug)


def _view(options: argparse.Namespace) -> int:
    return guarded(
        lambda: view(options.folder, options.what, options.frame, options.save, options.size),
        options.debug,
    )


def _export_system(options: argparse.Namespace) -> int:
    return guarded(lambda: _write_matrix_market(options.system, options.out), options.debug)


def _write_matrix_market(source: Path, out: Path) -> None:
    """The matrix on the active cells and its right-hand side, means on floating parts removed."""
    stored = load_system(source)
    system = stored.system
    matrix, _ = system.to_scipy()
    rhs = system.to_unknowns(system.floating.remove_means(stored.rhs * system.active))
    beside = out.with_name(f"{out.stem}_rhs{out.suffix}")
    note = json.dumps(stored.notes)
    for path, value in ((out, matrix), (beside, rhs[:, None])):
        with replacing(path) as temporary, temporary.open("wb") as file:
            scipy.io.mmwrite(file, value, comment=note)
        print(path)


def _draw_run(options: argparse.Namespace) -> None:
    stored = open_run(options.folder)
    taichi_runtime.start(runtime.configure())
    given = {name: value for name, value in vars(options).items() if name in PICTURE_FLAGS}
    settings = stored.settings
    if given.keys() & {"orbit", "camera"}:
        settings = {**settings, "orbit": None, "camera": None}
    settings = {**settings, **given}
    seconds = list(stored.times.values())[-1]
    drawing = Drawing(settings, stored.kind, stored.extent, seconds, stored.view, stored.open_sides)
    with Progress(len(stored.times)) as progress:
        for number in stored.times:
            drawing.save(stored.frame(number), stored.folder / "frames")
            progress.step()
    print(make_video(stored.folder, list(stored.times), settings["fps"]))
