import pytest

from proxy.learning import Learning
from router.catalog import build_catalog
from router.choosing.starting import StartingExperience
from tests.proxy.learning.place import Clock, Place, settings_of
from tests.router.learning.books import Books


@pytest.fixture
async def books(database):
    opened = Books(database)
    yield opened
    await opened.writer.aclose()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def learning(books, clock):
    return Learning(books.database, clock=clock, monotonic=clock.monotonic)


@pytest.fixture
def place():
    settings = settings_of()
    return Place(settings, build_catalog(settings), StartingExperience())
