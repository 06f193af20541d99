import pytest

from solvers import PoissonSystem
from tests.solvers.systems import CASES


@pytest.fixture(params=[2, 3], ids=["2d", "3d"])
def dim(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest, dim: int) -> PoissonSystem:
    return CASES[request.param](dim)
