"""Memory that is handed from a deleted object to the next one of the same kind."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")


_pools: weakref.WeakSet[Pool[Any, Any]] = weakref.WeakSet()


def release_all() -> None:
    """Give back what all pools keep: where solvers of another kind or size come next."""
    for pool in _pools:
        pool.release()


class Pool(Generic[Key, Item]):
    """Keeps the item of the last owner that was deleted, so that a simulation reuses its memory.

    An item belongs to one owner at a time: two owners alive at once have one item each.
    """

    def __init__(self) -> None:
        self._kept: tuple[Key, Item] | None = None
        _pools.add(self)

    def take(self, key: Key, make: Callable[[], Item]) -> Item:
        """The item kept for the key, or a new one; an item kept for another key is released before
        that is made."""
        kept, self._kept = self._kept, None
        if kept is not None and kept[0] == key:
            return kept[1]
        del kept
        return make()

    def release(self) -> None:
        """Keep nothing any longer."""
        self._kept = None

    def give_back_after(self, owner: object, key: Key, item: Item) -> None:
        """Keep the item once the owner has been deleted."""
        weakref.finalize(owner, self._keep, key, item).atexit = False

    def _keep(self, key: Key, item: Item) -> None:
        self._kept = (key, item)
