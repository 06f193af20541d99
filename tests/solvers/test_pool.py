import gc
import weakref

from solvers.pool import Pool, release_all


class Owner:
    pass


def test_an_item_passes_on_when_its_owner_is_gone():
    pool = Pool()
    owner = Owner()
    item = pool.take("a", list)
    pool.give_back_after(owner, "a", item)
    assert pool.take("a", list) is not item
    del owner
    gc.collect()
    assert pool.take("a", list) is item
    assert pool.take("a", list) is not item


def test_another_key_lets_go_of_what_was_kept():
    pool = Pool()
    owner = Owner()
    item = pool.take("a", list)
    pool.give_back_after(owner, "a", item)
    del owner
    gc.collect()
    assert pool.take("b", list) is not item
    assert pool.take("a", list) is not item


def test_what_was_kept_is_gone_before_anything_new_is_made():
    pool, kept = holding_one()
    assert kept() is not None
    assert pool.take("b", kept) is None


def test_all_pools_let_go_where_another_solver_comes_next():
    pool, kept = holding_one()
    assert kept() is not None and pool is not None
    release_all()
    assert kept() is None


def holding_one():
    """A pool that holds an item whose owner is gone, and a weak reference to the item."""
    pool, owner, item = Pool(), Owner(), Owner()
    kept = weakref.ref(item)
    pool.give_back_after(owner, "a", item)
    return pool, kept
