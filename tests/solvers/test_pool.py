import gc

from solvers.pool import Pool


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
