"""The point of view of a 3D picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

# From the scene to the eye: a three-quarter view. The far corner of a tank of water shows light
# that its side reflects totally; from farther left one sees where that ends, a wedge.
_DIRECTION = np.array((0.602, -0.723, 0.339))


@dataclass(frozen=True)
class Camera:
    """A pinhole camera; up in its picture is the last axis.

    Parameters
    ----------
    eye : tuple of float
        Where the camera stands, m.
    look_at : tuple of float
        The point in the middle of the picture, m.
    field_of_view : float
        Vertical angle of the picture, degrees, 1 to 150.

    Raises
    ------
    ValueError
        If the camera looks straight up or down or at its own place, or the angle is out of range.
    """

    eye: tuple[float, float, float]
    look_at: tuple[float, float, float]
    field_of_view: float = 28.0

    def __post_init__(self) -> None:
        across = np.hypot(self.look_at[0] - self.eye[0], self.look_at[1] - self.eye[1])
        if not across > 1e-6 * np.linalg.norm(np.subtract(self.look_at, self.eye)):
            raise ValueError("the camera must not look straight up or down or at its own place")
        if not 1 <= self.field_of_view <= 150:
            raise ValueError(
                f"the field of view must be 1 to 150 degrees, not {self.field_of_view:g}"
            )

    @classmethod
    def framing(
        cls,
        extent: tuple[float, ...],
        aspect: float = 16 / 9,
        fill: float = 0.98,
        direction: np.ndarray = _DIRECTION,
        field_of_view: float = 28.0,
    ) -> Camera:
        """Place the camera so that its picture holds the box [0, extent], centred.

        Parameters
        ----------
        extent : tuple of float
            Sides of the box, m.
        aspect : float
            Width / height of the picture.
        fill : float
            Share of the picture's width or height, the tighter one, that the box takes.
        direction : numpy.ndarray
            From the box to the camera, (3,); by default a three-quarter view.
        field_of_view : float
            Vertical angle of the picture, degrees.

        Returns
        -------
        Camera
            The view.
        """
        corners = np.stack(np.meshgrid(*[(0.0, side) for side in extent], indexing="ij"), -1)
        corners = corners.reshape(-1, 3)
        toward = direction / np.linalg.norm(direction)
        target = np.asarray(extent) / 2
        distance = 2 * float(np.linalg.norm(extent))
        camera = cls(tuple(target + distance * toward), tuple(target), field_of_view)
        for _ in range(8):  # perspective makes this a fixed point, reached in a few rounds
            seen = camera.project(corners, aspect)
            middle = (seen.max(0) + seen.min(0)) / 2
            distance *= float((seen.max(0) - seen.min(0)).max() / (2 * fill))
            _, right, up = camera.axes()
            target = target + distance * (middle[0] * aspect * right + middle[1] * up) * np.tan(
                np.radians(field_of_view) / 2
            )
            camera = replace(camera, eye=tuple(target + distance * toward), look_at=tuple(target))
        return camera

    @property
    def distance(self) -> float:
        """Metres from the eye to the point looked at."""
        return float(np.linalg.norm(np.subtract(self.look_at, self.eye)))

    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compute the directions of the picture.

        Returns
        -------
        forward, right, up : numpy.ndarray
            Unit vectors, (3,).
        """
        forward = np.subtract(self.look_at, self.eye)
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, (0.0, 0.0, 1.0))
        right = right / np.linalg.norm(right)
        return forward, right, np.cross(right, forward)

    def project(self, points: np.ndarray, aspect: float) -> np.ndarray:
        """Project points onto the picture.

        Parameters
        ----------
        points : numpy.ndarray
            (n, 3), m.
        aspect : float
            Width / height of the picture.

        Returns
        -------
        numpy.ndarray
            (n, 2): (-1, -1) is the lower left corner of the picture, (1, 1) the upper right one.
        """
        forward, right, up = self.axes()
        offset = np.asarray(points) - self.eye
        height = offset @ forward * np.tan(np.radians(self.field_of_view) / 2)
        return np.stack([offset @ right / (height * aspect), offset @ up / height], -1)

    def scaled(self, factor: float) -> Camera:
        """Give the same view of a scene that is enlarged.

        Parameters
        ----------
        factor : float
            How many times larger the scene is.

        Returns
        -------
        Camera
            The view.
        """
        eye, look_at = (tuple(factor * np.asarray(point)) for point in (self.eye, self.look_at))
        return replace(self, eye=eye, look_at=look_at)
