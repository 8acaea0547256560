"""The bench of the cascade at a small size: the page says who answered, how often, and whether the goal is reached."""

import random

from classifier.micromodel import MicroModel
from proxy.understanding import ARTEFACTS, INTENT
from tests.bench.cascade import LANGUAGES, SIZES, Answer, Asked, Prompt, prompts
from tests.bench.cascade_page import AGAIN, LOOKED, OFF, READ, page, waited
from tests.bench.cascade_stages import Worked, worked


def asked(classify_ms, *, source="micro"):
    """Return a prompt that was asked of every gateway."""
    silent = {"reflex": 0.1, "classify": 0.01, "policy": 0.1}
    found = Asked(Prompt("where is it", "micro", "en", "short"), source=source, tiers_ms={source: 0.1})
    found.answers = {name: Answer(3.0, silent, "1") for name in (OFF, AGAIN)}
    found.answers |= {name: Answer(3.2, {**silent, "classify": classify_ms}, "2") for name in (LOOKED, READ)}
    return found


def test_the_page_says_what_is_reached_and_what_is_missed():
    """Added is the difference with the gateway that reads nothing, a row for each tier that answered."""
    every = [*(asked(0.21) for _ in range(10)), asked(0.02, source="rule"), asked(0.9, source="nobody")]
    told = page({1: every}, {1: [Worked("where is it", 0.6, 0.0)]}, load=(0.5, 1.0))

    assert 0.2 == round(waited(every[0]), 9)
    assert "- one model, nothing to choose, by the traces: p50 0.20 ms, **reached**" in told
    assert "of the processor: p50 0.60 ms, **missed**" in told
    assert "| all, as shipped | 0.200 | 0.200 | 0.200 | 10 |" in told
    assert "| micro-model abstains, no head there: `classify` and `policy` | 0.890" in told


async def test_prompts_are_those_that_the_micro_model_answers(tmp_path):
    """Both languages, every size; what the stages take of the processor is above zero, and the choice costs more."""
    found = prompts(12, random.Random(1))
    micro = [each for each in found if each.tier == "micro"]
    model = MicroModel.load(ARTEFACTS / INTENT)
    texts = [each.text for each in micro if each.size == "short"]
    one, several = [await worked(texts, models=n, folder=tmp_path) for n in (1, 3)]

    assert {(lang, size) for lang in LANGUAGES for size in SIZES} == {(each.lang, each.size) for each in micro}
    assert not any(model.predict(each.text).abstained for each in micro)
    assert {"rule", "micro", "nobody"} == {each.tier for each in found}
    assert len(texts) == len(one) == len(several)
    assert sum(each.both for each in several) > sum(each.classify for each in several) > 0
