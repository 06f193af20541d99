"""The solver that tries others out in the course of a run and stays with the cheapest."""

from solvers.auto.solver import Automatic

__all__ = ["Automatic"]
