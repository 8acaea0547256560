"""Prompt templates of the judge: data files, versioned by what they say, filled in one pass.

A template says the words; the delimiters and what stands between them are made here, so that no template can forget
them and nothing that is filled in is taken for a placeholder. Which template is in charge is `shelf.py`'s.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from config.errors import SettingsError
from config.types import Language
from router.judge.quoting import quoted, shortened
from router.judge.values import MAX_CANDIDATES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.types import Json
    from router.choosing.values import Offer
    from router.judge.values import Case

SHIPPED: Final = Path(__file__).parent / "shipped"
DEFAULT: Final = "plain"
MAX_TEMPLATE_BYTES: Final = 64 * 1024
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
MAX_DESCRIPTION_CHARS: Final = 240
_PLACES = re.compile(r"\{(candidates|known|query)\}")
_PLAIN_LINES = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]*")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


class _Words(msgspec.Struct, forbid_unknown_fields=True):
    system: str
    user: str


class _File(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    zh: _Words
    en: _Words
    about: str = ""
    shows_records: bool = True
    shows_prices: bool = True


@dataclass(frozen=True, slots=True)
class Template:
    """What a judge is told, in both languages."""

    name: str
    system: Mapping[Language, str]
    user: Mapping[Language, str]
    """With `{candidates}` and `{query}`, each once, and `{known}` at most once."""
    about: str = ""
    shows_records: bool = True
    """Whether the candidates come with what is known of their answers."""
    shows_prices: bool = True

    @property
    def version(self) -> str:
        """Return its name and what tells its words from all others, such as `plain@1f3a5b7c`."""
        said = [self.shows_records, self.shows_prices]
        said += [words[language] for language in LANGUAGES for words in (self.system, self.user)]
        return f"{self.name}@{hashlib.sha256(json.dumps(said).encode()).hexdigest()[:8]}"


def messages_of(template: Template, case: Case, *, max_query_tokens: int) -> list[Json]:
    """Return the prompt: a system turn and a user turn, in the language of the question, else in English.

    The order of the candidates is drawn from the question's text, so that no model gains by where it stands.
    """
    language: Language = "zh" if case.question.language == "zh" else "en"
    text = case.question.text
    offers = sorted(case.offers[:MAX_CANDIDATES], key=lambda each: _place_of(each.model, text))
    shown = "\n".join(_candidate(each, case, template) for each in offers)
    filled = {
        "candidates": f"<candidates>\n{shown}\n</candidates>",
        "known": f"<known>\n{_known(case)}\n</known>",
        "query": f"<query>\n{quoted(shortened(text, max_tokens=max_query_tokens))}\n</query>",
    }
    user = _PLACES.sub(lambda found: filled[found[1]], template.user[language])
    return [{"role": "system", "content": template.system[language]}, {"role": "user", "content": user}]


def schema_of(case: Case) -> Json:
    """Return the JSON schema of an answer; the names that may be chosen stand in it."""
    return {
        "type": "object",
        "properties": {
            "reasoning": {"type": "string"},
            "selectedModel": {"type": "string", "enum": list(case.models[:MAX_CANDIDATES])},
            "confidence": {"type": "integer"},
        },
        "required": ["reasoning", "selectedModel", "confidence"],
    }


def read_template(file: Path) -> Template:
    """Return the template of a file. Raises `SettingsError` that says what is wrong with it."""
    try:
        raw = file.read_bytes()[: MAX_TEMPLATE_BYTES + 1]
    except OSError as error:
        raise SettingsError(f"The template cannot be read ({type(error).__name__}).", file=file.name) from error
    return template_in(raw, file=file.name)


def template_in(raw: bytes, *, file: str) -> Template:
    """Return the template that a file holds. Raises `SettingsError` that says what is wrong with it."""
    if len(raw) > MAX_TEMPLATE_BYTES:
        raise SettingsError(f"A template has at most {MAX_TEMPLATE_BYTES} bytes.", file=file)
    try:
        return template_of(tomllib.loads(raw.decode()), file=file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"The template is no TOML: {error}.", file=file) from error


def template_of(found: Mapping[str, object], *, file: str) -> Template:
    """Return the template of a file's fields. Raises `SettingsError` that names what is wrong."""
    try:
        said = msgspec.convert(found, _File)
    except msgspec.ValidationError as error:
        raise SettingsError(f"The template is incomplete: {error}.", file=file) from error
    if _NAME.fullmatch(said.name) is None:
        raise SettingsError("A template's name is lower-case letters, digits and hyphens, at most 40.", file=file)
    words: dict[Language, _Words] = {"zh": said.zh, "en": said.en}
    for language, each in words.items():
        _check(each, f"{file} [{language}]")
    return Template(
        name=said.name,
        system={language: each.system.strip() for language, each in words.items()},
        user={language: each.user.strip() for language, each in words.items()},
        about=said.about.strip(),
        shows_records=said.shows_records,
        shows_prices=said.shows_prices,
    )


def toml_of(template: Template) -> str:
    """Return a template as its file."""
    lines = [
        f"{name} = {_toml(getattr(template, name))}" for name in ("name", "about", "shows_records", "shows_prices")
    ]
    for language in LANGUAGES:
        lines += ["", f"[{language}]"]
        lines += [f"system = {_toml(template.system[language])}", f"user = {_toml(template.user[language])}"]
    return "\n".join(lines) + "\n"


def shipped_templates() -> tuple[Template, ...]:
    """Return the templates that come with the product, by name."""
    return tuple(read_template(file) for file in sorted(SHIPPED.glob("*.toml")))


def _check(words: _Words, where: str) -> None:
    places = _PLACES.findall(words.user)
    for name in ("candidates", "query"):
        if places.count(name) != 1:
            raise SettingsError(f"`user` has {{{name}}} {places.count(name)} times; it must be there once.", file=where)
    if places.count("known") > 1:
        raise SettingsError("`user` has {known} more than once.", file=where)
    if _PLACES.search(words.system):
        raise SettingsError("What is filled in stands in `user`, not in `system`.", file=where)
    if not words.system.strip():
        raise SettingsError("`system` is empty.", file=where)


def _place_of(model: str, text: str) -> bytes:
    seed = text[:4096].encode("utf-8", "replace") + b"\0" + model.encode("utf-8", "replace")
    return hashlib.blake2b(seed, digest_size=8).digest()


def _candidate(offer: Offer, case: Case, template: Template) -> str:
    expected, similar = case.expected.get(offer.model), case.similar.get(offer.model)
    shown: Json = {"name": quoted(offer.model)}
    if offer.description:
        shown["description"] = quoted(offer.description[:MAX_DESCRIPTION_CHARS])
    if offer.domains:
        shown["domains"] = [quoted(each) for each in offer.domains]
    if template.shows_prices and offer.input_usd is not None and offer.output_usd is not None:
        shown["usd_per_million_tokens"] = {"input": offer.input_usd, "output": offer.output_usd}
    if template.shows_records and similar is not None:
        shown["similar_questions"] = {"quality": round(similar.mean_reward, 2), "outcomes": similar.n}
    if expected is None or not template.shows_records:
        return _json(shown)
    shown["record"] = {"quality": round(expected.quality, 2), "outcomes": round(expected.n)}
    if template.shows_prices and expected.cost_usd is not None:
        shown["expected_cost_usd"] = float(f"{expected.cost_usd:.2g}")
    if expected.latency_ms is not None:
        shown["expected_seconds"] = float(f"{expected.latency_ms / 1000:.2g}")
    return _json(shown)


def _known(case: Case) -> str:
    """What is known of the question, without its words."""
    question = case.question
    found: Json = {
        "language": question.language,
        "domain": quoted(question.domain),
        "intents": [quoted(each) for each in question.intents],
        "complexity_1_to_10": question.complexity,
        "tokens": question.n_tokens,
        "has_code": question.has_code,
        "needs_tools": question.has_tools,
        "needs_images": question.has_images,
        "needs_json": question.wants_json,
    }
    return _json({name: value for name, value in found.items() if value not in ("", [], False)})


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def _toml(value: object) -> str:
    """A TOML value of a text or a truth value: several lines stand as they are where TOML lets them.

    Otherwise as JSON writes it: TOML takes JSON's strings, but for the sign that JSON leaves bare.
    """
    if isinstance(value, str) and "\n" in value and _PLAIN_LINES.fullmatch(value) and "'''" not in value:
        return f"'''\n{value}\n'''"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
