"""Rigid bodies: Archimedes, added mass, momentum, contacts, and what a scene may say of them."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch

import solvers
from fluidsim import LiquidScene, RigidBody, SmokeScene
from fluidsim.bodies.bodies import Bodies
from fluidsim.bodies.body import Body
from fluidsim.bodies.contacts import Contacts
from fluidsim.bodies.coupling import Coupled
from fluidsim.bodies.mass import MassProperties
from fluidsim.flow.domain import FlowDomain
from fluidsim.flow.pressure import PressureOptions, Projector
from fluidsim.solid.shapes import Box, Complement, HalfSpace, Sphere
from fluidsim.solid.solids import Solids
from solvers import registry
from tests.fluidsim.worlds import CPU, cubic

G = 9.81


def only_body(tank) -> Body:
    assert tank.bodies is not None
    return tank.bodies.bodies[0]


def start(scene, cells, solver="multigrid"):
    return scene.start(cells, solver=solver, rtol=1e-8, threads=1)


@pytest.mark.parametrize("dim", [2, 3])
def test_mass_and_inertia_of_a_box_and_a_ball(dim):
    grid = cubic(dim, 32)
    sides = (0.5, 0.3, 0.21)[:dim]
    box = Box((0.2,) * dim, tuple(0.2 + side for side in sides))
    found = MassProperties.of(RigidBody(box, 700.0), grid)
    mass = 700.0 * math.prod(sides)
    assert found.mass == pytest.approx(mass, rel=2e-3)
    assert found.centre == pytest.approx(0.2 + np.array(sides) / 2, abs=1e-3)
    square = np.square(sides)
    moments = np.array([square.sum()]) if dim == 2 else square.sum() - square
    assert np.diag(found.inertia) == pytest.approx(mass / 12 * moments, rel=1e-2)
    corner = found.surface[np.argmax(found.surface.sum(1))]
    assert corner == pytest.approx(0.2 + np.array(sides), abs=1e-3)
    ball = MassProperties.of(RigidBody(Sphere((0.5,) * dim, 0.2), 700.0), grid)
    volume = math.pi * 0.2**2 if dim == 2 else 4 / 3 * math.pi * 0.2**3
    assert ball.mass == pytest.approx(700.0 * volume, rel=1e-3)
    assert np.linalg.norm(ball.surface - 0.5, axis=1) == pytest.approx(0.2, abs=1e-4)


def test_a_density_that_varies_shifts_the_centre():
    keel = RigidBody(Box((0.2, 0.2), (0.8, 0.6)), lambda x: 100.0 + 900.0 * (x[..., 1] < 0.4))
    found = MassProperties.of(keel, cubic(2, 32))
    assert found.centre[1] == pytest.approx((0.3 * 1000 + 0.5 * 100) / 1100, abs=2e-3)


def acceleration_in_a_round_tank(dim, cells, density, solver="multigrid", ratio=3.0):
    """Of a ball in the middle of a ball of water, divided by gravity, and the one expected."""
    middle, radius = (0.5,) * dim, 0.15
    tank = start(
        LiquidScene(
            size=(1,) * dim,
            liquid=Sphere(middle, ratio * radius + 0.02),
            solids=[
                Complement(Sphere(middle, ratio * radius)),
                RigidBody(Sphere(middle, radius), density),
            ],
        ),
        cells,
        solver,
    )
    tank.step(1e-3)
    added = (1 + ratio**-dim) / (1 - ratio**-dim)  # times that in unbounded fluid: Lamb 1932, 93
    if dim == 3:
        added = 0.5 * (1 + 2 * ratio**-dim) / (1 - ratio**-dim)
    body = only_body(tank)
    fluid = 1000.0 * body.mass / density
    speed = body.velocity[-1] / (G * 0.5e-3)
    found = (fluid - body.mass) / speed - body.mass  # (m + m_a) a = (m_w - m) g
    return found / fluid, added


@pytest.mark.parametrize("density", [20.0, 2500.0])
def test_a_cylinder_has_its_added_mass(density):
    found, added = acceleration_in_a_round_tank(2, 64, density)
    assert found == pytest.approx(added, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("density", [20.0, 500.0, 2500.0])
def test_a_sphere_has_its_added_mass(density):
    found, added = acceleration_in_a_round_tank(3, 48, density)
    assert found == pytest.approx(added, rel=0.05)


def test_all_solvers_move_a_body_alike():
    names = [name for name in solvers.available() if not name.startswith("npsdo")]
    found = [acceleration_in_a_round_tank(2, 24, 400.0, name)[0] for name in names]
    assert len(found) > 4
    assert found == pytest.approx([found[0]] * len(found), rel=1e-4)


def test_a_box_floats_as_deep_as_it_is_heavy():
    """Its bottom falls between the nodes; started at rest in balance, it stays there."""
    box = Box((0.31, 0.29), (0.69, 0.49))
    pool = start(
        LiquidScene(size=(1, 0.7), liquid=HalfSpace(0.4), solids=[RigidBody(box, 550)]), 48
    )
    body, depths = only_body(pool), []
    for _ in range(30):
        pool.advance(1 / 60)
        depths.append(0.4 - (body.centre[1] - 0.1))
    assert np.mean(depths) == pytest.approx(0.11, rel=0.02)
    assert np.std(depths) < 0.01 * 0.11
    assert abs(body.rotation[1, 0]) < 1e-3


def test_a_body_as_heavy_as_water_stays():
    pool = start(
        LiquidScene(
            size=(1, 0.7),
            liquid=HalfSpace(0.5),
            solids=[RigidBody(Sphere((0.51, 0.27), 0.1), 1000)],
        ),
        48,
    )
    for _ in range(12):
        pool.advance(1 / 60)
    body = only_body(pool)
    assert body.velocity == pytest.approx(0.0, abs=2e-3 * G * pool.time)


def drop_with_a_body(velocity, angular_velocity):
    """A round cloud of cells with fluid in open air, with a box inside: bodies, domain, grid."""
    grid = cubic(2, 48)
    described = RigidBody(
        Box((0.42, 0.4), (0.6, 0.52)).rotated(0.3, (0.5, 0.5)), 600.0, velocity, angular_velocity
    )
    solids = Solids(grid, [Body(described, grid)], [], CPU)
    bodies = Bodies.among(solids, 1000.0)
    assert bodies is not None
    centres = grid.cells(grid.cell_positions(CPU).movedim(-1, 0)).movedim(0, -1)
    fluid = (Sphere((0.5, 0.5), 0.3).distance(centres) < 0) & (grid.cells(solids.solid) == 0)
    return bodies, FlowDomain(fluid, solids.open, solids.velocity), grid


def momentum(bodies, velocity, domain, grid):
    """Of the fluid on the open parts of the faces beside it, and of the body, with the energy."""
    body = bodies.bodies[0]
    weights = 1000.0 * domain.open_faces.double() * grid.dx**2
    total = body.mass * body.velocity + (weights * velocity.double()).flatten(1).sum(1).numpy()
    energy = float((weights * velocity.double() ** 2).sum()) / 2
    return total, energy + body.twist @ body.mass_matrix() @ body.twist / 2


def test_fluid_and_body_keep_their_momentum():
    bodies, domain, grid = drop_with_a_body((1.0, -0.4), 2.0)
    velocity = grid.zeros(CPU, 2)
    before, energy = momentum(bodies, velocity, domain, grid)
    coupled = bodies.couple(domain, (0.0, 0.0), 0.01, 0.01)
    projector = Projector(grid, PressureOptions(registry.create("direct", {}), 1e-12, 1000.0))
    done = projector.project(velocity, coupled, 0.01)
    assert isinstance(coupled.bodies, Coupled)
    bodies.bodies[0].set_twist(coupled.bodies.twists)
    after, less = momentum(bodies, velocity, domain, grid)
    assert after == pytest.approx(before, rel=1e-5)
    assert 0.3 * energy < less < energy
    assert done.max_divergence < 1e-4


@pytest.mark.slow
def test_a_drop_keeps_the_momentum_of_a_body_that_hits_it_from_within():
    body = RigidBody(Box((0.45, 0.3), (0.6, 0.38)), 800.0, (1.0, 0.3), 3.0)
    drop = start(
        LiquidScene(size=(1, 0.75), liquid=Sphere((0.4, 0.35), 0.25), solids=[body], gravity=0.0),
        128,
    )
    moving = only_body(drop)
    before = moving.mass * moving.velocity
    for _ in range(6):
        drop.advance(1 / 60)
    particle = 1000.0 * drop.window.dx**2 / 4
    fluid = drop.particles.velocities.double().sum(0).numpy() * particle
    assert fluid + moving.mass * moving.velocity == pytest.approx(before, abs=0.04 * before[0])


def test_liquid_that_a_plate_shuts_in_carries_it():
    """Without a way around the plate the water below cannot give way."""
    cheeks = [Box((-1, -1), (0.2, 2)), Box((0.8, -1), (2, 2))]
    plate = RigidBody(Box((0.19, 0.42), (0.81, 0.58)), 4000.0, friction=0.0)
    tank = start(LiquidScene(size=(1, 1), liquid=HalfSpace(2.0), solids=[*cheeks, plate]), 32)
    tank.advance(1 / 60)
    assert only_body(tank).velocity == pytest.approx(0.0, abs=1e-4)
    pressure = tank.fields()["pressure"]
    below, above = (float(pressure[16, k]) for k in (10, 22))
    gap = 0.6  # m, that the plate closes
    weight = (4000.0 * 0.62 * 0.16 / gap + 1000.0 * (12 / 32 - 0.16)) * G
    assert below - above == pytest.approx(weight, rel=0.1)


def world(*described, dim=2):
    grid = cubic(dim, 32)
    bodies = [Body(each, grid) for each in described]
    solids = Solids(grid, bodies, [], CPU)
    mass = np.asarray(scipy.linalg.block_diag(*(body.mass_matrix() for body in bodies)))
    return bodies, Contacts(bodies, solids, mass, 0.1, 0.01)


def test_a_ball_bounces_off_the_floor():
    low = RigidBody(Sphere((0.5, 0.1005), 0.1), 500.0, restitution=0.6, friction=0.0)
    _, contacts = world(low)
    after = contacts.resolved(np.array([0.5, -2.0, 0.0]))
    assert after == pytest.approx([0.5, 1.2, 0.0], abs=0.02)
    assert contacts.resolved(np.array([0.5, 1.0, 0.0])) == pytest.approx([0.5, 1.0, 0.0])


def test_a_box_that_slides_is_braked_by_its_weight():
    box = RigidBody(Box((0.3, 0.001), (0.7, 0.2)), 500.0, restitution=0.0, friction=0.25)
    _, contacts = world(box)
    after = contacts.resolved(np.array([1.0, -0.2, 0.0]))
    assert after[0] == pytest.approx(1.0 - 0.25 * (0.2 - abs(after[1])), abs=0.02)
    assert abs(after[1]) < 0.1
    assert contacts.resolved(np.array([0.01, -0.2, 0.0]))[0] == pytest.approx(0.0, abs=1e-3)


def test_the_floor_holds_nothing_down():
    """A plank that turns: one end is stopped, the other rises."""
    plank = RigidBody(Box((0.3, 0.001), (0.7, 0.1)), 500.0, restitution=0.0, friction=0.0)
    _, contacts = world(plank)
    after = contacts.resolved(np.array([0.0, 0.0, 5.0]))
    low, high = (after[1] + arm * after[2] for arm in (-0.2, 0.2))
    assert abs(low) < 0.1
    assert high > 0.5


def test_bodies_that_collide_keep_their_momentum():
    left = RigidBody(Sphere((0.3, 0.5, 0.5), 0.1), 500.0, restitution=1.0, friction=0.3)
    right = RigidBody(Sphere((0.501, 0.52, 0.5), 0.1), 900.0, restitution=1.0, friction=0.3)
    bodies, contacts = world(left, right, dim=3)
    before = np.array([2.0, 0, 0, 0, 0, 1.0, -1.0, 0, 0, 0, 0, 0])
    after = contacts.resolved(before)
    masses = np.array([body.mass for body in bodies])
    pushed = masses[:, None] * (after - before).reshape(2, 6)[:, :3]
    assert pushed.sum(0) == pytest.approx(0.0, abs=1e-9)
    assert after[0] < 0 < after[6]


def test_a_body_that_turns_freely_keeps_spin_and_energy():
    grid = cubic(3, 32)
    box = RigidBody(
        Box((0.3, 0.4, 0.45), (0.7, 0.6, 0.55)), 500.0, angular_velocity=(0.1, 9.0, 0.1)
    )
    body = Body(box, grid)
    spin, energy = body.angular_momentum.copy(), []
    for _ in range(300):
        body.advance(0.005)
        energy.append(body.angular_velocity @ body.angular_momentum)
    assert np.array_equal(body.angular_momentum, spin)
    assert np.ptp(energy) < 1e-3 * energy[0]
    assert body.rotation @ body.rotation.T == pytest.approx(np.eye(3), abs=1e-12)
    assert abs(body.rotation[1, 1]) < 0.9  # about the middle axis it tumbles: Euler 1765


def test_a_run_goes_on_bit_for_bit():
    scene = LiquidScene(
        size=(1, 0.7), liquid=HalfSpace(0.3),
        solids=[RigidBody(Box((0.3, 0.3), (0.6, 0.4)).rotated(0.4, (0.4, 0.4)), 400)],
    )  # fmt: skip
    first, second = start(scene, 32), start(scene, 32)
    for _ in range(4):
        first.advance(1 / 60)
    state = {name: values.clone() for name, values in first.state().items()}
    first.advance(1 / 60)
    second.restore(state)
    second.advance(1 / 60)
    one, other = first.state(), second.state()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert first.report.bodies == second.report.bodies
    assert len(first.report.bodies[0]["rotation"]) == 4


def test_a_body_leaves_by_an_open_side_and_is_left_alone():
    ball = RigidBody(Sphere((0.85, 0.5), 0.1), 500.0, velocity=(9.0, 0.0))
    scene = LiquidScene(
        size=(1, 1), liquid=Box((0, 0), (0.3, 0.1)), solids=[ball], open_sides=["x+"]
    )
    room = start(scene, 24)
    for _ in range(6):
        room.advance(1 / 60)
    body = only_body(room)
    assert body.centre[0] > 1.1
    assert not body.velocity.any()


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (lambda: RigidBody(Sphere((0.5, 0.5), 0.1), 0.0), "density must be positive"),
        (lambda: RigidBody(Sphere((0.5, 0.5), 0.1), 1.0, restitution=2.0), "between 0 and 1"),
        (lambda: RigidBody(Sphere((0.5, 0.5), 0.1), 1.0, friction=-1.0), "must not be negative"),
        (lambda: Body(RigidBody(Sphere((0.95, 0.5), 0.1), 1.0), cubic(2, 32)), "begin wholly"),
        (lambda: Body(RigidBody(Sphere((0.51, 0.51), 0.001), 1.0), cubic(2, 32)), "too small"),
        (lambda: Body(RigidBody(Sphere((2.5, 0.5), 0.1), 1.0), cubic(2, 32)), "outside of the"),
        (
            lambda: Body(RigidBody(Sphere((0.5, 0.5), 0.1), 1.0, (1.0,)), cubic(2, 32)),
            "needs 2 components",
        ),
        (
            lambda: Body(RigidBody(Sphere((0.5, 0.5), 0.1), lambda x: x), cubic(2, 32)),
            "one number >= 0 for each point",
        ),
        (
            lambda: SmokeScene(size=(1, 1), solids=[RigidBody(Sphere((0.5, 0.5), 0.1), 1.0)]),
            "smoke does not carry rigid bodies",
        ),
    ],
)
def test_what_cannot_be_is_refused(wrong, line):
    with pytest.raises(ValueError, match=line):
        wrong()
