import pytest
import torch

import solvers
from solvers.model_systems import KINDS, model_system


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(40, 24), (16, 12, 20)])
def test_model_systems_are_solvable_and_repeatable(kind, shape):
    first, second = (model_system(kind, shape, seed=3) for _ in range(2))
    assert first.system.shape == shape
    assert torch.equal(first.system.active, second.system.active)
    assert torch.equal(first.rhs, second.rhs)
    assert first.rhs.abs().max() > 0
    solution = solvers.solve(first.system, first.rhs, "multigrid", rtol=1e-9)
    assert solution.relative_residual <= 1e-9


def test_seed_changes_a_splash_and_kinds_differ_in_what_they_hold():
    shape = (24, 24, 24)
    one, other = model_system("splash", shape, 0), model_system("splash", shape, 1)
    assert not torch.equal(one.system.active, other.system.active)
    smoke = model_system("smoke", shape)
    assert smoke.system.floating.count == 1


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="no model system 'lava'; there are dam, smoke"):
        model_system("lava", (8, 8))
