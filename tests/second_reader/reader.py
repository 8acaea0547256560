"""Reads a micro-model in plain Python: no NumPy, no ONNX Runtime, no Protobuf library, nothing of the product.

Written from `docs/foundry.md` alone, to prove that its words suffice; take it as a start for a reader in another
language. By hand: `python reader.py DIR "a text"`.
"""

from __future__ import annotations

import array
import json
import math
import struct
import sys
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_CHARS = 4096
MOST_ROUNDS = 4
EDGE = 1e-9
HAN_RANGES = (
    (0x3005, 0x3005),
    (0x3007, 0x3007),
    (0x3040, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
DROPPED_RANGES = (
    (0x00AD, 0x00AD),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x2064),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
)
SPACE_RANGES = ((0x00, 0x20), (0x7F, 0xA0))
SPACE_CATEGORIES = {"Zs", "Zl", "Zp"}
WORD_CATEGORIES = {"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No"}
QUOTES = {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'}
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class Answer:
    """What the model says of a text."""

    labels: list[str]
    scores: list[float]
    probabilities: list[float]
    confidence: float
    abstained: bool


@dataclass
class Model:
    """The two files of an artefact."""

    task: str
    index: dict[str, int]
    idf: list[float]
    labels: list[str]
    thresholds: list[float]
    temperature: float
    abstain_below: float
    unknown_idf: float
    out_of_scope: str
    at_least_one: bool
    exclusive: list[str]
    confidence_weights: list[float]
    weights: array.array
    scale: list[float]
    bias: list[float]


def load(folder: Path) -> Model:
    """Return the model of a folder."""
    found = fields((folder / "preproc.bin").read_bytes())
    graph = fields(fields((folder / "model.onnx").read_bytes())[7][-1])
    tensors = {}
    for raw in graph[5]:
        tensor = fields(raw)
        tensors[tensor[8][-1].decode()] = tensor[9][-1]
    return Model(
        task=found[3][-1].decode(),
        index={term.decode("utf-8", "surrogatepass"): at for at, term in enumerate(found.get(5, []))},
        idf=floats(found.get(6, [])),
        labels=[each.decode() for each in found[7]],
        thresholds=floats(found.get(8, [])),
        temperature=floats(found[9])[0],
        abstain_below=floats(found.get(10, [bytes(4)]))[0],
        unknown_idf=floats(found.get(12, [bytes(4)]))[0],
        out_of_scope=found.get(13, [b""])[-1].decode(),
        at_least_one=bool(found.get(14, [0])[-1]),
        exclusive=[each.decode() for each in found.get(15, [])],
        confidence_weights=floats(found.get(16, [])),
        weights=array.array("b", tensors["W"]),
        scale=floats([tensors["scale"]]),
        bias=floats([tensors["bias"]]),
    )


def read(model: Model, text: str) -> Answer:
    """Return labels, scores, probabilities and confidence of a text."""
    return answer(model, terms(text) + edges(text))


def answer(model: Model, found: list[str]) -> Answer:
    """Return the same of the terms of a text; they are the same for every model."""
    scored = scores(model, found)
    said = decided(model, scored)
    return said if any(term in model.index for term in found) else replace(said, confidence=0.0, abstained=True)


# --- Protobuf ---------------------------------------------------------------------------------------------------------


def fields(data: bytes) -> dict[int, list]:
    """Return the values of each field number, in order."""
    found: dict[int, list] = {}
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == VARINT:
            value, at = varint(data, at)
        else:
            if kind == LENGTH:
                size, at = varint(data, at)
            else:
                size = {FIXED32: 4, FIXED64: 8}[kind]
            value = data[at : at + size]
            at += size
        found.setdefault(key >> 3, []).append(value)
    return found


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at a place, and the place after it."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
        shift += 7


def floats(blocks: list[bytes]) -> list[float]:
    """Return packed 32-bit floats, little-endian."""
    data = b"".join(blocks)
    return list(struct.unpack(f"<{len(data) // 4}f", data))


# --- From a text to numbers -------------------------------------------------------------------------------------------


def inside(char: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    """Return whether a character is in one of the ranges."""
    code = ord(char)
    return any(first <= code <= last for first, last in ranges)


KINDS: dict[str, str] = {}


def kind_of(char: str) -> str:
    """Return `space`, `han`, `word` or `sign`."""
    known = KINDS.get(char)
    if known is None:
        category = unicodedata.category(char)
        if inside(char, HAN_RANGES):
            known = "han"
        elif inside(char, SPACE_RANGES) or category in SPACE_CATEGORIES:
            known = "space"
        elif category in WORD_CATEGORIES or char == "_":
            known = "word"
        else:
            known = "sign"
        KINDS[char] = known
    return known


def normal(text: str) -> str:
    """Return the normal form of a text."""
    for _ in range(MOST_ROUNDS):
        folded = unicodedata.normalize("NFKC", text).casefold()
        changed = "".join(
            " " if inside(char, ((0x00, 0x1F), (0x7F, 0x9F))) else QUOTES.get(char, char)
            for char in folded
            if not inside(char, DROPPED_RANGES)
        )
        if changed == text:
            break
        text = changed
    spaced = "".join(" " if kind_of(char) == "space" else char for char in text)
    return " ".join(each for each in spaced.split(" ") if each)


def tokens(text: str) -> Iterator[tuple[str, str]]:
    """Yield the kind and the characters of each token."""
    at = 0
    while at < len(text):
        kind = kind_of(text[at])
        end = at + 1
        if kind in {"han", "word"}:
            while end < len(text):
                if kind_of(text[end]) == kind:
                    end += 1
                elif kind == "word" and text[end] == "'" and end + 1 < len(text) and kind_of(text[end + 1]) == "word":
                    end += 2
                else:
                    break
        if kind != "space":
            yield kind, text[at:end]
        at = end


def runs(text: str, shortest: int, longest: int) -> list[str]:
    """Return every run of characters of a text between two spaces."""
    padded = f" {text} "
    return [
        padded[at : at + size] for size in range(shortest, longest + 1) for at in range(max(0, len(padded) - size + 1))
    ]


def terms(text: str) -> list[str]:
    """Return the terms of a text, repeats kept."""
    found: list[str] = []
    before = None
    for kind, token in tokens(normal(text[:MOST_CHARS])[:MOST_CHARS]):
        if kind == "word":
            found.append("=" + token)
            found += runs(token, 2, 5)
            if before is not None:
                found.append(f"={before} {token}")
            before = token
        elif kind == "han":
            found += token
            found += runs(token, 2, 3)
            before = None
        else:
            found.append("=" + token)
    return found


def edges(text: str) -> list[str]:
    """Return the terms of the first and the last word of a text."""
    read = [(kind, token) for kind, token in tokens(normal(text[:MOST_CHARS])[:MOST_CHARS]) if kind != "sign"]
    found: list[str] = []
    if read and read[0][0] == "word":
        found.append(f"=^ {read[0][1]}")
        if len(read) > 1 and read[1][0] == "word":
            found.append(f"=^ {read[0][1]} {read[1][1]}")
    if read and read[-1][0] == "word":
        found.append(f"={read[-1][1]} $")
    return found


def scores(model: Model, found: list[str]) -> list[float]:
    """Return one score a label."""
    known: Counter[int] = Counter()
    n_unknown = 0
    for term in found:
        at = model.index.get(term)
        if at is None:
            n_unknown += not (term.startswith("=^ ") or (term.startswith("=") and term.endswith(" $")))
        else:
            known[at] += 1
    values = {at: (1 + math.log(count)) * model.idf[at] for at, count in known.items()}
    length = math.sqrt(math.fsum(v * v for v in values.values()) + n_unknown * model.unknown_idf**2) or 1.0
    n_labels = len(model.labels)
    sums = [0.0] * n_labels
    for at, value in values.items():
        row = at * n_labels
        for column in range(n_labels):
            sums[column] += value / length * model.weights[row + column]
    return [total * scale + bias for total, scale, bias in zip(sums, model.scale, model.bias, strict=True)]


# --- From scores to an answer -----------------------------------------------------------------------------------------


def decided(model: Model, scored: list[float]) -> Answer:
    """Return what scores mean."""
    labels, p, evidence, plain, in_scope = (multi if model.task == "multi" else single)(model, scored)
    confidence = plain
    if model.confidence_weights:
        bias, *weights = model.confidence_weights
        confidence = logistic(bias + sum(w * e for w, e in zip(weights, evidence, strict=False)))
    return Answer(labels, scored, p, confidence, not in_scope or confidence < model.abstain_below)


def single(model: Model, scored: list[float]) -> tuple[list[str], list[float], list[float], float, bool]:
    """Return labels, probabilities, evidence, plain confidence, and whether the winner is in scope."""
    top = max(scored)
    raised = [math.exp((score - top) / model.temperature) for score in scored]
    p = [each / sum(raised) for each in raised]
    scope = model.labels.index(model.out_of_scope) if model.out_of_scope else None
    order = sorted((at for at in range(len(scored)) if at != scope), key=lambda at: -scored[at])
    best = order[0]
    lead = scored[best] - scored[order[1]] if len(order) > 1 else 0.0
    beyond = scored[best] - scored[scope] if scope is not None else 0.0
    in_scope = scope is None or scored[scope] <= scored[best]
    return [model.labels[best]] if in_scope else [], p, [scored[best], lead, beyond], p[best], in_scope


def multi(model: Model, scored: list[float]) -> tuple[list[str], list[float], list[float], float, bool]:
    """Return the same where several labels may hold."""
    p = [logistic(score / model.temperature) for score in scored]
    order = sorted(range(len(p)), key=lambda at: -p[at])
    chosen = [at for at in order if p[at] >= model.thresholds[at]]
    if not chosen and model.at_least_one:
        chosen = order[:1]
    if len(chosen) > 1 and model.labels[chosen[0]] in model.exclusive:
        chosen = chosen[:1]
    elif len(chosen) > 1:
        chosen = [at for at in chosen if model.labels[at] not in model.exclusive]
    right = [each if at in chosen else 1 - each for at, each in enumerate(p)]
    every = math.prod(right)
    evidence = [odds(every), odds(min(right)), float(len(chosen)), *(float(at in chosen) for at in range(len(p)))]
    return [model.labels[at] for at in chosen], p, evidence, every, True


def logistic(value: float) -> float:
    """Return 1 / (1 + e^-value), without overflow."""
    return 0.5 * (1 + math.tanh(value / 2))


def odds(p: float) -> float:
    """Return log-odds of a probability kept from the edges."""
    kept = min(max(p, EDGE), 1 - EDGE)
    return math.log(kept / (1 - kept))


def main() -> None:
    """Read the texts of the command line."""
    model = load(Path(sys.argv[1]))
    for text in sys.argv[2:]:
        found = read(model, text)
        told = {"labels": found.labels, "confidence": found.confidence, "abstained": found.abstained}
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
