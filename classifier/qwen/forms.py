r"""The two forms of training: a head with one output a label, and the generative baseline that writes the labels.

The baseline learns `用户: …\n助手: payment, inventory` and is measured by what it writes within 25 tokens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from classifier.calibration import sigmoid
from classifier.qwen.decision import USUAL_THRESHOLD, Rule, decide, flags_of
from classifier.qwen.encoding import padded
from classifier.qwen.libraries import torch
from classifier.qwen.scores import Scores, scores_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.qwen.decision import Floats
    from classifier.qwen.encoding import Encoder
    from classifier.qwen.rows import Row

MAX_NEW_TOKENS = 25
BETWEEN = ", "
EVAL_BATCH = 16
_NOT_LEARNT = -100
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Setting:
    """What both forms need to make tensors of rows."""

    encoder: Encoder
    labels: tuple[str, ...]
    pad_token_id: int
    end_token_id: int
    device: str


@dataclass(frozen=True, slots=True)
class Written:
    """What a language model wrote for one text."""

    labels: tuple[str, ...]
    """Those of its words that are labels."""
    n_tokens: int
    """Tokens it took, one after the other."""
    probability: float
    """Product of the shares that the model gave to the tokens it wrote; 0 where it wrote no label."""


class TrainingForm(Protocol):
    """Turns rows into a loss, and a model into figures."""

    def loss(self, model: Any, rows: Sequence[Row]) -> Any:
        """Return the mean loss of a batch, a tensor that gradients flow from."""
        ...

    def evaluate(self, model: Any, rows: Sequence[Row]) -> tuple[float, Scores]:
        """Return the mean loss and the scores on rows; the model is in inference mode."""
        ...


@dataclass(frozen=True, slots=True)
class HeadForm:
    """One output a label, binary cross-entropy."""

    setting: Setting

    def loss(self, model: Any, rows: Sequence[Row]) -> Any:
        """Return the mean binary cross-entropy of a batch."""
        gold = torch().tensor(
            flags_of([row.labels for row in rows], self.setting.labels).astype(np.float32), device=self.setting.device
        )
        return torch().nn.functional.binary_cross_entropy_with_logits(self._logits(model, rows).float(), gold)

    def evaluate(self, model: Any, rows: Sequence[Row]) -> tuple[float, Scores]:
        """Return the loss, and the scores of decisions at 0.5."""
        logits, labels = self.scores(model, rows), self.setting.labels
        gold = flags_of([row.labels for row in rows], labels)
        p = sigmoid(logits)
        loss = float(-np.log(np.where(gold, p, 1 - p) + _TINY).mean())
        rule = Rule(labels, thresholds=(USUAL_THRESHOLD,) * len(labels))
        return loss, scores_of([row.labels for row in rows], [decide(each, rule).labels for each in logits], labels)

    def scores(self, model: Any, rows: Sequence[Row]) -> Floats:
        """Return logits, (rows, labels)."""
        found: list[Floats] = []
        with torch().inference_mode():
            for start in range(0, len(rows), EVAL_BATCH):
                part = self._logits(model, rows[start : start + EVAL_BATCH])
                found.append(np.asarray(part.float().cpu().numpy(), dtype=np.float64))
        return np.concatenate(found) if found else np.zeros((0, len(self.setting.labels)))

    def _logits(self, model: Any, rows: Sequence[Row]) -> Any:
        ids, masks = padded([self.setting.encoder.encode(row.text) for row in rows], self.setting.pad_token_id)
        tensor, device = torch().tensor, self.setting.device
        return model(input_ids=tensor(ids, device=device), attention_mask=tensor(masks, device=device)).logits


@dataclass(frozen=True, slots=True)
class GenerativeForm:
    """Labels as words behind the prompt; only they and the end are learnt."""

    setting: Setting

    def loss(self, model: Any, rows: Sequence[Row]) -> Any:
        """Return the mean cross-entropy of the answers' tokens."""
        prompts = [self.setting.encoder.encode(row.text) for row in rows]
        answers = [self._answer(row) for row in rows]
        pairs = list(zip(prompts, answers, strict=True))
        ids, masks = padded([[*prompt, *answer] for prompt, answer in pairs], self.setting.pad_token_id)
        targets, _ = padded([[*[_NOT_LEARNT] * len(prompt), *answer] for prompt, answer in pairs], _NOT_LEARNT)
        tensor, device = torch().tensor, self.setting.device
        return model(
            input_ids=tensor(ids, device=device),
            attention_mask=tensor(masks, device=device),
            labels=tensor(targets, device=device),
        ).loss

    def evaluate(self, model: Any, rows: Sequence[Row]) -> tuple[float, Scores]:
        """Return the loss, and the scores of what the model writes."""
        losses: list[float] = []
        with torch().inference_mode():
            losses += [float(self.loss(model, [row])) for row in rows]
        written = [write_labels(model, self.setting, row.text).labels for row in rows]
        return float(np.mean(losses)), scores_of([row.labels for row in rows], written, self.setting.labels)

    def _answer(self, row: Row) -> list[int]:
        words = [label for label in self.setting.labels if label in row.labels]
        return [*self.setting.encoder.plain(f" {BETWEEN.join(words)}"), self.setting.end_token_id]


def write_labels(model: Any, setting: Setting, text: str) -> Written:
    """Return the labels that a language model writes, greedily, and how likely it found these very words."""
    ids = setting.encoder.encode(text)
    tensor = torch().tensor([ids], device=setting.device)
    with torch().inference_mode():
        made = model.generate(
            input_ids=tensor,
            attention_mask=torch().ones_like(tensor),
            max_new_tokens=MAX_NEW_TOKENS,
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
            eos_token_id=setting.end_token_id,
            pad_token_id=setting.pad_token_id,
            return_dict_in_generate=True,
            output_scores=True,
        )
        found: list[int] = made.sequences[0][len(ids) :].tolist()
        steps = zip(made.scores, found, strict=True)
        share = sum(float(scores[0].float().log_softmax(-1)[token]) for scores, token in steps)
    labels = parse_labels(setting.encoder.text_of(found), setting.labels)
    return Written(labels, len(found), math.exp(share) if labels else 0.0)


def parse_labels(written: str, labels: Sequence[str]) -> tuple[str, ...]:
    """Return the known labels of a written answer, in its order; unknown words are passed over."""
    words = [word.strip(" 。.\"'[]`") for word in written.replace("，", ",").replace("\n", ",").split(",")]
    return tuple(dict.fromkeys(word for word in words if word in labels))
