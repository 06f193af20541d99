import math

import numpy as np
import pytest

from solvers.krylov import pcg


class DenseSpace:
    """The loop's vector work with a dense matrix and no preconditioner."""

    def __init__(self, matrix, b):
        self.matrix, self.b, self.x = matrix, b, np.zeros_like(b)

    def start(self):
        self.r = self.b - self.matrix @ self.x
        self.p = self.r.copy()
        return self.sums()

    def product(self):
        self.q = self.matrix @ self.p
        return float(self.p @ self.q)

    def advance(self, alpha):
        self.x = self.x + alpha * self.p
        self.r = self.r - alpha * self.q
        return self.sums()

    def turn(self, beta):
        self.p = self.r + beta * self.p

    def remove_means(self):
        pass

    def keep(self):
        self.kept = self.x

    def revert(self):
        self.x = self.kept

    def sums(self):
        square = float(self.r @ self.r)
        return square, math.sqrt(square)


def test_ends_after_as_many_steps_as_there_are_eigenvalues():
    space = DenseSpace(np.diag([1.0, 1.0, 5.0, 9.0]), np.ones(4))
    iterations, history = pcg.iterate(space, 2.0, 1e-12, 50)
    assert iterations == 3
    assert len(history) == 4 and history[0] == 1.0 and history[-1] <= 1e-12


def test_indefinite_matrix_ends_without_a_step():
    space = DenseSpace(-np.eye(3), np.ones(3))
    iterations, history = pcg.iterate(space, math.sqrt(3), 1e-6, 50)
    assert iterations == 0
    assert history == [1.0]
    assert (space.x == 0).all()


@pytest.mark.filterwarnings("ignore:invalid value")
def test_values_that_are_not_finite_end_the_loop():
    space = DenseSpace(np.diag([1.0, 1e-320]), np.array([1.0, 1.0]) * 1e150)
    iterations, _ = pcg.iterate(space, 1e150, 1e-12, 50)
    assert iterations < 5
    assert np.isfinite(space.x).all()


def test_x_that_left_the_recurrence_is_repaired():
    class Disturbed(DenseSpace):
        """After five steps an error slips into x that r does not know of."""

        steps = 0

        def advance(self, alpha):
            self.steps += 1
            if self.steps == 5:
                self.x = self.x + 1e-3
            return super().advance(alpha)

    random = np.random.default_rng(0)
    factor = random.standard_normal((30, 30))
    space = Disturbed(factor @ factor.T + np.eye(30), random.standard_normal(30))
    norm_b = float(np.linalg.norm(space.b))
    iterations, history = pcg.iterate(space, norm_b, 1e-8, 500)
    assert history[-1] <= 1e-8
    assert np.linalg.norm(space.b - space.matrix @ space.x) <= 1e-8 * norm_b
    assert len(history) == iterations + 1


def test_x_is_not_left_worse_than_the_start():
    class Diverging(DenseSpace):
        def advance(self, alpha):
            return super().advance(-10 * alpha)

    space = Diverging(np.eye(3), np.ones(3))
    _, history = pcg.iterate(space, math.sqrt(3), 1e-6, 50)
    assert (space.x == 0).all()
    assert history[-1] == 1.0
