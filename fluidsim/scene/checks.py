"""What every scene must satisfy, whatever flows in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fluidsim.bodies.rigid_body import RigidBody
from fluidsim.scene.probes import check_probes
from fluidsim.solid.boundary import Inlet, periodic_axes, refuse_sides_of
from fluidsim.solid.values import records

if TYPE_CHECKING:
    from fluidsim.scene.scene import Scene


def check_scene(scene: Scene, inlets: Sequence[Inlet]) -> None:
    """Raises ValueError with one line for a scene that cannot be."""
    if not min(scene.size) > 0:
        raise ValueError(f"the sides of a scene must be positive, not {scene.size}")
    for name in ("density", "cfl", "frame_seconds"):
        if not getattr(scene, name) > 0:
            raise ValueError(f"{name} of a scene must be positive")
    periodic_axes(scene.periodic, len(scene.size))
    ends = (*scene.open_sides, *scene.walls, *(inlet.side for inlet in inlets))
    refuse_sides_of(scene.periodic, ends)
    check_probes(scene.probes, scene.size, scene.solids, scene.kind)
    if scene.kind != "liquid" and any(isinstance(each, RigidBody) for each in scene.solids):
        raise ValueError("smoke does not carry rigid bodies: take a Moving or Keyframed solid")
    if records(getattr(scene, "liquid", None)):
        raise ValueError(
            "there is no gradient for the liquid of a LiquidScene: its particles are seeded there; "
            "give their `positions` and the `surface` to `rollout`"
        )
