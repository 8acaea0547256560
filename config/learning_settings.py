"""Settings of what is learned from outcomes, and of what is believed before anything was learned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class LearningSettings:
    """What opinions and signs change: see docs/learning.md. `routing.policy = "weights"` takes no notice of it."""

    mode: Literal["live", "shadow", "off"] = "live"
    """`live` lets what is learned change the next choice; `shadow` learns beside and waits for
    `thalamus policy promote`; `off` learns nothing and goes by what was believed at the start."""
    signs: bool = True
    """Whether implicit outcomes are written down, such as the same question asked again. They weigh at most a quarter
    of what a person says."""
    similar: bool = True
    """Whether questions can be found again by similar ones: 256 numbers made of a question's words are kept with its
    decision. Where `storage.store_preview` is off none are kept, whatever stands here."""
    starting_values: Path | None = None
    """TOML or JSON file with what is believed of models by domain, language and intent; each line weighs as much as 20
    outcomes. `None` begins with what weights and prices of the catalogue say."""
    policy_dir: Path | None = None
    """Folder of a policy that `thalamus policy fit` made; of the models that it knows, it says what is expected before
    outcomes come. `None` has none."""
