from datetime import timedelta

from config.types import AttemptRecord, Usage
from router.choosing.values import Expected, Offer
from router.learning.usage import Usages, usages
from tests.router.learning.doubles import CODE, NOW, Fixed


def attempt(model, *, tokens, ttft_ms):
    return AttemptRecord(1, f"{model}/x", model, "x", committed=True, ttft_ms=ttft_ms, usage=Usage(10, tokens))


async def test_what_answers_use_is_learned_from_the_books(books):
    """Output tokens and the time to the first content, by model."""
    for tokens in (100, 300):
        books.decide("bad", attempts=(attempt("bad", tokens=tokens, ttft_ms=200.0),))
    await books.written()
    found = await usages(books.database, since=NOW - timedelta(days=7))

    assert {"bad": (2.0, 400.0)} == found.output_tokens
    assert {"bad": (2.0, 400.0)} == found.first_ms


def test_cost_is_prompt_and_usual_answer_at_the_catalogues_price():
    """Few answers are drawn to what is usual; without a price the cost stays unknown."""
    known = Usages({"m": (180.0, 180 * 500.0)}, {"m": (2.0, 400.0)})
    priced = known.told(CODE, Offer("m", input_usd=1.0, output_usd=10.0), Expected("m", 0.5, 0.1))
    unpriced = known.told(CODE, Offer("m"), Expected("m", 0.5, 0.1))

    assert (40 * 1.0 + (180 * 500 + 20 * 300) / 200 * 10.0) / 1e6 == priced.cost_usd
    assert (None, 200.0) == (unpriced.cost_usd, unpriced.latency_ms)


def test_what_the_offer_knows_of_latency_stays():
    """Lately measured stands before ever measured; of an unknown model nothing is changed."""
    known = Usages({}, {"m": (1.0, 400.0)})
    (before,) = Fixed().expect(CODE, (Offer("m"),))

    assert 50.0 == known.told(CODE, Offer("m"), Expected("m", 0.5, 0.1, latency_ms=50.0)).latency_ms
    assert before == Usages({}, {}).told(CODE, Offer("m"), before)
