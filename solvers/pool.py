"""Memory that is handed from a deleted object to the next one of the same kind."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")


class Pool(Generic[Key, Item]):
    """Keeps the item of the last owner that was deleted, so that a simulation reuses its memory.

    An item belongs to one owner at a time: two owners alive at once have one item each.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[Key, Item]] = []

    def take(self, key: Key, make: Callable[[], Item]) -> Item:
        """The item kept for the key, or a new one; an item kept for another key is released."""
        kept, self._kept = self._kept, []
        for own, item in kept:
            if own == key:
                return item
        return make()

    def give_back_after(self, owner: object, key: Key, item: Item) -> None:
        """Keep the item once the owner has been deleted."""
        weakref.finalize(owner, self._keep, key, item).atexit = False

    def _keep(self, key: Key, item: Item) -> None:
        self._kept = [(key, item)]
