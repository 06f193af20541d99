"""Refined runs: noise of one octave, flow free of divergence, smoke carried by it, resumable."""

import itertools
import json

import numpy as np
import pytest
import torch

from fluidsim import RunConfig, SmokeScene, Source
from fluidsim.cli import main
from fluidsim.render.frame import SmokeFrame
from fluidsim.smoke.driving import through_faces
from fluidsim.solid.shapes import Box, Sphere
from fluidsim.solid.solids import Solids
from fluidsim.upres import refining
from fluidsim.upres.energy import unresolved
from fluidsim.upres.fine_smoke import FineSmoke
from fluidsim.upres.flow import Refinement, face_velocity
from fluidsim.upres.noise import TILE, tiles
from fluidsim.upres.texture import STRAIN, Texture
from fluidsim.upres.turbulence import Turbulence

CPU = torch.device("cpu")


def world(dim: int, **changes) -> SmokeScene:
    at = RunConfig("", dim=dim).point
    return SmokeScene(
        size=at(1, 1, 1),
        sources=[Source(Box(at(0.3, 0.3, 0), at(0.6, 0.6, 0.2)), roughness=0.5)],
        solids=[Sphere(at(0.5, 0.45, 0.55), 0.15)],
        open_sides=["z+"],
        **changes,
    )


def frame_of(smoke, number: int) -> SmokeFrame:
    return SmokeFrame(
        number=number, time=smoke.time, shape=smoke.grid.shape, dx=smoke.grid.dx,
        density=smoke.density.numpy().copy(), temperature=smoke.temperature.numpy().copy(),
        velocity=smoke.grid.centred(smoke.velocity).numpy(),
    )  # fmt: skip


@pytest.fixture(scope="module", params=[2, 3])
def stepped(request):
    """A scene, its simulation after some steps, and its frames."""
    scene = world(request.param)
    smoke = scene.start(32 if request.param == 2 else 12)
    frames = []
    for number in range(12):
        smoke.advance(scene.frame_seconds)
        frames.append(frame_of(smoke, number + 1))
    return scene, smoke, frames


def divergence(flow, grid) -> torch.Tensor:
    parts = [torch.diff(grid.faces(flow, axis), dim=axis) for axis in range(grid.dim)]
    return torch.stack(parts).sum(0)


def test_noise_holds_one_octave():
    """The coarser half of the frequencies holds nothing but what splines leak."""
    for dim in (2, 3):
        power = np.abs(np.fft.fftn(tiles(dim, 1)[0].astype(float))) ** 2
        k = np.abs(np.fft.fftfreq(TILE, 1 / TILE))
        largest = np.max(np.meshgrid(*[k] * dim, indexing="ij"), axis=0)
        assert power[largest < TILE / 8].mean() < 2e-3 * power[largest > TILE / 4].mean()
    assert not np.array_equal(tiles(2, 1), tiles(2, 2))


def test_face_velocities_are_found_from_those_of_centres(stepped):
    _, smoke, frames = stepped
    found = face_velocity(frames[-1].velocity, smoke.solids.boundary)
    for axis in range(smoke.grid.dim):
        wanted = smoke.grid.faces(smoke.velocity, axis)
        assert torch.allclose(smoke.grid.faces(found, axis), wanted, atol=1e-5)


def test_a_line_that_is_open_at_both_ends_is_smooth():
    scene = SmokeScene(size=(1, 1), open_sides=["x-", "x+"])
    grid = scene.grid(RunConfig("", dim=2, resolution=32))
    boundary = Solids(grid, (), scene.open_sides, CPU).boundary
    wanted = torch.sin(2 * torch.arange(33) / 33).expand(32, 33).T
    centred = torch.stack(((wanted[1:] + wanted[:-1]) / 2, torch.zeros(32, 32))).numpy()
    assert torch.allclose(grid.faces(face_velocity(centred, boundary), 0), wanted, atol=1e-3)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_refined_flow_keeps_fluxes_and_divergence(stepped, factor):
    _, smoke, _ = stepped
    grid, dim = smoke.grid, smoke.grid.dim
    refinement = Refinement(grid, factor)
    flow = refinement.refine(smoke.velocity)
    of_cells = divergence(smoke.velocity, grid)
    for axis in range(dim):
        of_cells = of_cells.repeat_interleave(factor, axis)
        parts = refinement.fine.faces(flow, axis)
        kept = parts.index_select(axis, torch.arange(0, parts.shape[axis], factor))
        for other in set(range(dim)) - {axis}:
            kept = kept.unflatten(other, (-1, factor)).mean(other + 1)
        assert torch.allclose(kept, grid.faces(smoke.velocity, axis), atol=1e-6)
    assert torch.allclose(divergence(flow, refinement.fine) * factor, of_cells, atol=2e-6)


def test_turbulence_is_free_of_divergence_and_does_not_blow_through_walls(stepped):
    scene, smoke, frames = stepped
    refinement = Refinement(smoke.grid, 2)
    fine, velocity = refinement.fine, frames[-1].velocity
    solids = Solids(fine, scene.solids, scene.open_sides, CPU)
    everywhere = np.ones(smoke.grid.shape, bool)
    turbulence = Turbulence(smoke.grid, fine, 2.0, 0)
    for _ in range(5):
        turbulence.carry(velocity, 0.02, everywhere)
    flow = fine.zeros(CPU, fine.dim)
    turbulence.add(flow, velocity, everywhere, solids)
    scale = float(flow.abs().amax())
    assert scale > 0.1 * float(unresolved(velocity).max())
    assert float(divergence(flow, fine).abs().max()) < 1e-5 * scale
    assert float(flow[solids.open == 0].abs().max()) < 1e-3 * scale


def test_bands_are_as_strong_as_the_flow_and_weaker_by_octaves():
    """The energy falls by 2^(-2/3) from band to band, and nothing is coarser than the first."""
    scene = SmokeScene(size=(1, 1), open_sides=["x-", "x+", "z-", "z+"])
    grid = scene.grid(RunConfig("", dim=2, resolution=48))
    fine = Refinement(grid, 4).fine
    solids = Solids(fine, (), scene.open_sides, CPU)
    noise = np.random.Generator(np.random.PCG64(0)).standard_normal((2, *grid.shape))
    turbulence, flow = Turbulence(grid, fine, 1.0, 0), fine.zeros(CPU, 2)
    turbulence.add(flow, noise.astype(np.float32), np.ones(grid.shape, bool), solids)
    wanted = np.mean(unresolved(noise) ** 2) * sum(2 ** (-2 / 3 * band) for band in (0, 1, 2))
    flows = fine.centred(flow).numpy()
    # Differences and means over fine cells weaken the finest band.
    assert 0.7 * wanted < (flows**2).sum(0).mean() < wanted
    power = (np.abs(np.fft.fftn(flows, axes=(1, 2))) ** 2).sum(0)
    k = np.fft.fftfreq(fine.shape[0], 1 / fine.shape[0])
    length = np.hypot(*np.meshgrid(k, k, indexing="ij"))
    assert power[length < 6].sum() < 0.05 * power.sum()


def test_texture_follows_the_flow_and_is_renewed():
    velocity = np.zeros((2, 16, 16), np.float32)
    velocity[0] = 1.0
    texture, everywhere = Texture((16, 16), 1.0), np.ones((16, 16), bool)
    texture.carry(velocity, 3.0, everywhere)
    assert np.allclose(texture.way[:, 0], -3) and texture.clock == 0
    velocity[0] = np.arange(16)[:, None]  # a strain of 1
    births = []
    for _ in range(40):
        texture.carry(velocity, 0.1, everywhere)
        births.append(texture.births)
    assert births[-1][0] >= 2 and texture.clock == pytest.approx(0.1 * 40 / STRAIN, rel=0.2)
    assert all(sum(b) - sum(a) <= 1 for a, b in itertools.pairwise(births))
    total = (texture.weights(everywhere) ** 2).sum(0)
    assert total.max() < 1.001 and total.max() > 0.9


def test_without_turbulence_smoke_is_carried_by_the_stored_flow(stepped):
    scene, smoke, frames = stepped
    refinement, last = Refinement(smoke.grid, 2), frames[-1]
    fine = FineSmoke(scene, refinement, 0.0, 0)
    fine.begin()
    plain = FineSmoke(scene, refinement, 0.0, 0)
    plain.begin()
    fine.time = plain.time = frames[-2].time
    fine.advance(last, last, 1)
    seconds = (last.time - frames[-2].time) / fine.report.substeps
    flow = through_faces(refinement.refine(smoke.velocity), plain.solids)
    for _ in range(fine.report.substeps):
        carried, room = plain.carried, plain.carried.room()
        carried.carry(flow * (seconds / refinement.fine.dx), room, carried.smoke_cells())
        carried.fade(seconds)
        carried.feed(plain.time, seconds)
        for values in carried.values:
            plain._inside.fill_cells(values)
        plain.time += seconds
    assert torch.allclose(fine.carried.values, plain.carried.values, atol=2e-4)


def test_smoke_is_kept_and_moves_with_the_flow(stepped):
    """The mass is what the log says; what a frame has that the last one had not is mostly what the
    flow brought."""
    scene, smoke, frames = stepped
    refinement = Refinement(smoke.grid, 3)
    fine = FineSmoke(scene, refinement, 1.0, 0)
    fine.begin()
    added = 0.0
    for before, after in zip([frames[0], *frames], frames, strict=False):
        old = fine.carried.values.clone()
        fine.advance(before, after, 1)
        report = fine.report
        added += report.smoke_added - report.smoke_left - report.smoke_faded
        assert fine.carried.mass() == pytest.approx(added, rel=0.002)
    grid, new = refinement.fine, fine.carried.values
    seconds = (frames[-1].time - frames[-2].time) / grid.dx
    moved = old.clone()
    fine.carried.transport.carry(moved, fine.flow * seconds)
    unfed = grid.cell_positions(CPU)[..., -1] > 0.25
    change = ((new - old)[0] * unfed).norm()
    assert ((new - moved)[0] * unfed).norm() < 0.5 * change


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A stored run of smoke_solid in 2D."""
    out = tmp_path_factory.mktemp("runs") / "solid"
    flags = ["--dim", "2", "--resolution", "16", "--frames", "6", "--no-render"]
    assert main(["run", "smoke_solid", *flags, "--out", str(out)]) == 0
    return out


def test_a_stopped_run_goes_on_bit_for_bit(run_folder, tmp_path, monkeypatch, capsys):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    command = ["upres", str(run_folder), "--factor", "2", "--out"]
    assert main([*command, str(whole)]) == 0
    looks = iter([False, False, False, True, True])
    with monkeypatch.context() as patch:
        patch.setattr(refining, "asked_to_stop", lambda: next(looks))
        assert main([*command, str(parts)]) == 130
    assert json.loads((parts / "config.json").read_text())["status"] == "interrupted"
    assert not (parts / "frames" / "0004.vti").exists()
    assert main([*command, str(parts)]) == 0
    for file in sorted((whole / "frames").iterdir()):
        assert file.read_bytes() == (parts / "frames" / file.name).read_bytes()
    records = [line for line in (parts / "log.jsonl").open() if '"frame"' in line]
    assert len(records) == 6
    capsys.readouterr()
    assert main([*command, str(parts)]) == 1
    assert "has its 6 frames" in capsys.readouterr().err
    flags = ["--size", "160x90", "--frames", "6:6", "--out", str(tmp_path / "pictures")]
    assert main(["render", str(whole), *flags]) == 0
    assert main(["export", str(whole), "--to", "vdb"]) == 0


def test_what_cannot_be_refined_gets_one_line(run_folder, tmp_path, capsys):
    def refused(*words: str) -> str:
        capsys.readouterr()
        assert main(["upres", *words]) == 1
        line = capsys.readouterr().err
        assert line.startswith("error: ") and line.count("\n") == 1
        return line

    assert "holds no readable run" in refused(str(tmp_path / "nothing"))
    assert "holds the run itself" in refused(str(run_folder), "--out", str(run_folder))
    assert "is not that of" in refused(str(run_folder), "--scene", "smoke_plume")
    water = tmp_path / "water"
    flags = ["--dim", "2", "--resolution", "12", "--frames", "1", "--no-render"]
    assert main(["run", "dam_break", *flags, "--out", str(water)]) == 0
    assert "only smoke" in refused(str(water))
    assert "another run" in refused(str(run_folder), "--out", str(water))
    config = json.loads((run_folder / "config.json").read_text())
    own = tmp_path / "own"
    own.mkdir()
    for name in ("log.jsonl", "frames"):
        (own / name).symlink_to(run_folder / name)
    config["config"]["scene"] = "mine"
    (own / "config.json").write_text(json.dumps(config))
    assert "--scene FILE.py" in refused(str(own))
    with pytest.raises(SystemExit):
        main(["upres", str(run_folder), "--factor", "5"])
    with pytest.raises(SystemExit):
        main(["upres", str(run_folder), "--strength", "-1"])
