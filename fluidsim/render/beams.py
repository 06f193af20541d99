# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""How much of a scene a pixel shows: ray differentials.

A beam is how the ray of a pixel changes from there to the pixels beside and above it. It is carried
along the ray, and through mirrors and lenses by how their surfaces bend (Igehy, "Tracing Ray
Differentials", 1999). What the beam covers of the floor is averaged, so that tiles that are seen
small, through a drop or through ripples, make no moire.
"""

import taichi as ti

from fluidsim.render.arrays import vec2
from fluidsim.render.rays import REFRACTION

_FLATTEST = 0.02  # least cosine between a ray and the normal of what it meets
_WIDEST = 10.0  # of a beam, along the unit of length
mat3x2 = ti.types.matrix(3, 2, ti.f32)


@ti.dataclass
class Beam:
    """How the origin and the direction of a ray change, by a column and by a row."""

    place: mat3x2
    turn: mat3x2


@ti.func
def first_beam(pinhole, place):
    """The beam of the ray through a place on the picture."""
    direction = pinhole.forward + place.x * pinhole.right + place.y * pinhole.up
    length = direction.norm()
    direction /= length
    turn = ti.Matrix.cols([pinhole.right * pinhole.pixel.x, pinhole.up * pinhole.pixel.y]) / length
    turn -= direction.outer_product(direction @ turn)
    return Beam(place=ti.Matrix.zero(ti.f32, 3, 2), turn=turn)


@ti.func
def carried(beam, direction, way, outward):
    """The beam where the ray, after `way`, meets a surface of normal `outward`."""
    place = beam.place + way * beam.turn
    cosine = direction.dot(outward)
    slant = ti.max(ti.abs(cosine), _FLATTEST) * (1.0 if cosine > 0 else -1.0)
    place -= direction.outer_product(outward @ place) / slant
    return Beam(place=ti.math.clamp(place, -_WIDEST, _WIDEST), turn=beam.turn)


@ti.func
def mirrored_beam(beam, direction, facing, tilt):
    """The beam of the mirrored ray; tilt (3, 2): how the normal `facing` changes."""
    along = direction.dot(facing)
    change = facing @ beam.turn + direction @ tilt
    turn = beam.turn - 2.0 * (facing.outer_product(change) + along * tilt)
    return Beam(place=beam.place, turn=_bounded(turn))


@ti.func
def refracted_beam(beam, direction, facing, tilt, inside):
    """The beam of the ray that passes a surface of water; inside: it comes from the water."""
    ratio = REFRACTION if inside else 1 / REFRACTION
    along = direction.dot(facing)
    beyond = -ti.sqrt(ti.max(1 - ratio * ratio * (1 - along * along), _FLATTEST**2))
    change = facing @ beam.turn + direction @ tilt
    grown = (ratio - ratio * ratio * along / beyond) * change
    turn = ratio * beam.turn - (ratio * along - beyond) * tilt - facing.outer_product(grown)
    return Beam(place=beam.place, turn=_bounded(turn))


@ti.func
def tilted(beam, slope, bend):
    """How the normal of a surface changes across a beam, (3, 2); slope, bend: of its distance, per
    unit of length."""
    length = ti.max(slope.norm(), 1e-6)
    outward = slope / length
    change = bend @ beam.place / length
    return change - outward.outer_product(outward @ change)


@ti.func
def width_of(beam):
    """The sides of the upright rectangle that holds what two by two pixels cover of the floor: a
    mean over it leaves nothing that alternates from pixel to pixel."""
    place = 2.0 * ti.abs(beam.place)
    return vec2(place[0, 0] + place[0, 1], place[1, 0] + place[1, 1])


@ti.func
def _bounded(turn):
    return ti.math.clamp(turn, -_WIDEST, _WIDEST)
