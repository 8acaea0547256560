"""Events told to whoever looks, at no cost where nobody does."""

import asyncio

from config.events import Feed


async def test_every_viewer_hears_what_it_wants_to_see():
    """In order; before and after looking, nothing."""
    feed = Feed[int]()
    feed.finished(0)
    with feed.viewing(lambda n: n % 2 == 0) as even, feed.viewing(lambda _: True) as all_of_them:
        for n in range(1, 5):
            feed.finished(n)

        assert ([2, 4], [1, 2, 3, 4], 2) == (await even.take(1), await all_of_them.take(1), feed.n_viewers)
    assert 0 == feed.n_viewers


async def test_a_slow_viewer_loses_the_oldest_and_nobody_waits():
    """What was lost is counted, also after it left."""
    feed = Feed[int]()
    with feed.viewing(lambda _: True, max_waiting=3) as slow:
        for n in range(10):
            feed.finished(n)

        assert ([7, 8, 9], 7, 7) == (await slow.take(1), slow.n_dropped, feed.n_dropped)
    feed.close(0)
    assert 7 == feed.n_dropped


async def test_taking_waits_for_the_next_event_but_not_for_ever():
    """Nothing within the time is nothing; an event ends the wait."""
    feed = Feed[int]()
    with feed.viewing(lambda _: True) as viewer:
        assert [] == await viewer.take(0.001)
        waiting = asyncio.ensure_future(viewer.take(5))
        await asyncio.sleep(0)
        feed.finished(1)

        assert [1] == await waiting
