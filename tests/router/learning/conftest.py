import pytest

from tests.router.learning.books import Books


@pytest.fixture
async def books(database):
    """Open books, written through the ledger."""
    opened = Books(database)
    yield opened
    await opened.writer.aclose()
