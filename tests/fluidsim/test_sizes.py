"""The arithmetic of the page on large grids."""

import numpy as np
import pytest

from fluidsim.figures import sizes
from tests.documents import DOCS


def test_the_page_holds_the_tables_of_the_program():
    text = (DOCS / "sizes.md").read_text(encoding="utf-8")
    *_, anew = sizes.pages(text)
    assert anew == text


def test_each_level_sends_one_colour_of_the_cells_beside_a_cut():
    """Against a count on a checkerboard: half of a cross-section in single precision."""
    for level in sizes.levels(16):
        red = np.indices((level.side,) * 3).sum(axis=0) % 2 == 0
        beside = int(red[level.side // 2 - 1].sum())
        assert level.sent(1.0) == 4 * beside * level.exchanges


@pytest.mark.parametrize("machines", [8, 27, 64])
def test_the_faces_of_parts_are_those_of_a_part_in_the_middle(machines):
    """Against a count of the faces between parts of a grid that is cut up."""
    along, cells = round(machines ** (1 / 3)), 12
    owner = (np.arange(cells) * along // cells) == along // 2
    own = np.multiply.outer(np.multiply.outer(owner, owner), owner)
    padded = np.pad(own, 1, constant_values=True)  # nobody is beyond the rim
    shared = 0
    for axis in range(3):
        for side in (-1, 1):
            shared += int((own & ~np.roll(padded, side, axis)[1:-1, 1:-1, 1:-1]).sum())
    assert sizes.faces(machines, True) * cells**2 == pytest.approx(shared)
    assert sizes.faces(2, False) == sizes.faces(2, True) == 1
    assert sizes.faces(machines, False) == 2


def test_twice_the_side_is_eight_times_the_work_and_four_times_the_message():
    for kind in (sizes.SMOKE, sizes.LIQUID):
        for solver in ("multigrid", "petsc"):
            assert kind.memory(512, solver) / kind.memory(256, solver) == pytest.approx(8, rel=1e-3)
        ratio = kind.seconds(512, sizes.SERVER) / kind.seconds(256, sizes.SERVER)
        assert ratio == pytest.approx(8)
    assert sizes.sent(1024, 2.0) / sizes.sent(512, 2.0) == pytest.approx(4, rel=0.01)


def test_more_machines_than_said_spend_more_time_between_them_than_in_memory():
    for network in sizes.NETWORKS:
        for cubes in (False, True):
            most = sizes.most_machines(1024, cubes, network)
            inside, between = sizes.times(1024, most, cubes, network)
            assert between <= inside
            inside, between = sizes.times(1024, 2 * most, cubes, network)
            assert between > inside
