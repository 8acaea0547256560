"""The documents against each other and against the product: twins say the same, and what is named exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pytest
import typer.main

from config.environment import USUAL_NAMES
from config.loader import shipped_providers
from config.reference import describe
from proxy.cli import build

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
GUIDE = ROOT / "retrieval" / "library"
TWINS = (
    (ROOT / "README.md", ROOT / "README.zh.md"),
    *((DOCS / path.name, path) for path in sorted((DOCS / "zh").glob("*.md"))),
    *((path, GUIDE / "zh" / path.name) for path in sorted((GUIDE / "en").glob("*.md"))),
)
PAGES = sorted({
    *(path for twins in TWINS for path in twins),
    *DOCS.glob("*.md"),
    *(DOCS / "decisions").glob("*.md"),
    DOCS / "deploy" / "README.md",
})  # fmt: skip
GENERATED = DOCS / "settings.md"
VARIABLES_OF_OTHERS = {
    "THALAMUS_AREA__FIELD",  # the pattern itself
    "THALAMUS_CONFIG",  # proxy/cli/options.py
    "THALAMUS_API_KEY",
    "THALAMUS_API_KEYS",  # server.api_keys_env
    "THALAMUS_KEY_PEPPER",  # config/pepper.py
    "THALAMUS_SECRETS",
    "THALAMUS_DOMAIN",
    "THALAMUS_PORT",  # docker-compose.yml
}
CODE_SPAN = re.compile(r"`[^`\n]+`")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
VERB = re.compile(
    r"thalamus ((?:keys|db|dashboard|classifier|docs|foundry|intents|judge|policy|experiments) [a-z]+|[a-z]+)(?![\w.-])"
)
OPTION = re.compile(
    r"thalamus (keys create|keys revoke|db backup|(?:dashboard|classifier|docs|foundry|intents|judge|policy|experiments) [a-z]+|[a-z]+)[^`\n|]*?(--[a-z-]+)"
)
LINK = re.compile(r"\]\((?!https?://)([^)#\s]+)")


def name_of(page: Path) -> str:
    """Pages are named from the top of the repository."""
    return str(page.relative_to(ROOT))


def prose_of(page: Path) -> str:
    """A page without its fenced blocks."""
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def code_of(page: Path) -> str:
    """Every code span and fenced block of a page; only there a command is a command."""
    text = page.read_text(encoding="utf-8")
    return "\n".join([*FENCED.findall(text), *CODE_SPAN.findall(FENCED.sub("", text))])


def headings_of(page: Path) -> list[int]:
    """Levels of the headings, top to bottom."""
    return [len(marks) for marks in re.findall(r"^(#+) ", prose_of(page), re.MULTILINE)]


def verbs() -> dict[str, set[str]]:
    """Every command there is, groups with their members, and the options of each."""
    found: dict[str, set[str]] = {}
    commands = cast("dict[str, Any]", cast("Any", typer.main.get_command(build())).commands)
    for name, command in commands.items():
        found[name] = options_of(command)
        members = cast("dict[str, Any]", getattr(command, "commands", {}))
        found |= {f"{name} {member}": options_of(below) for member, below in members.items()}
    return found


def options_of(command: Any) -> set[str]:
    """The words that begin with two dashes."""
    words = cast("set[str]", {word for each in command.params for word in (*each.opts, *each.secondary_opts)})
    return words | {"--help"}


def variables() -> set[str]:
    """Every variable that sets something, with its file variant."""
    names = {part for each in describe() if each.variable for part in re.findall(r"THALAMUS_[A-Z0-9_]+", each.variable)}
    return names | {f"{name}_FILE" for name in names | VARIABLES_OF_OTHERS} | VARIABLES_OF_OTHERS


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_of_the_guide_has_its_twin(language: str) -> None:
    """Nobody is told less in one language."""
    assert [path.name for path in sorted((GUIDE / "en").glob("*.md"))] == [
        path.name for path in sorted((GUIDE / language).glob("*.md"))
    ]


@pytest.mark.parametrize(("english", "chinese"), TWINS, ids=name_of)
def test_twins_have_the_same_headings_and_code_spans(english: Path, chinese: Path) -> None:
    """A section or a name that only one language has was forgotten in the other."""
    assert headings_of(english) == headings_of(chinese)
    assert len(CODE_SPAN.findall(prose_of(english))) == len(CODE_SPAN.findall(prose_of(chinese)))
    assert len(FENCED.findall(english.read_text())) == len(FENCED.findall(chinese.read_text()))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_named_exists(page: Path) -> None:
    """`thalamus VERB` in code is a verb of the command line, and its options are options of it."""
    known = verbs()
    code = code_of(page)

    assert set() == {verb for verb in VERB.findall(code) if verb not in known}
    assert set() == {(verb, option) for verb, option in OPTION.findall(code) if option not in known[verb]}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_variable_named_exists(page: Path) -> None:
    """A `THALAMUS_` name is a variable of a setting, of the command line or of the compose file."""
    named = set(re.findall(r"THALAMUS_[A-Z0-9_]+", page.read_text(encoding="utf-8")))

    assert set() == named - variables()


@pytest.mark.parametrize("page", [page for page in PAGES if page != GENERATED], ids=name_of)
def test_every_setting_named_exists(page: Path) -> None:
    """`area.name` in a code span is a setting when the area is one."""
    settings = {each.name for each in describe()}
    areas = {name.split(".")[0] for name in settings if "." in name}
    spans = CODE_SPAN.findall(prose_of(page))
    named = {
        found
        for span in spans
        for found in re.findall(r"^`([a-z_]+(?:\.[a-z_]+)+)", span)
        if found.split(".")[0] in areas and not found.endswith((".md", ".py", ".toml", ".onnx"))
    }

    assert set() == named - settings


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_key_variable_named_is_read(page: Path) -> None:
    """An `..._API_KEY` in a code span is the variable of a known provider or of our own keys."""
    read = {name for row in shipped_providers() for name in row.api_key_env} | set(USUAL_NAMES) | VARIABLES_OF_OTHERS
    named = set(re.findall(r"\b[A-Z_]+_API_KEYS?\b", " ".join(CODE_SPAN.findall(prose_of(page)))))

    assert set() == named - read - {"ACME_API_KEY"}


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "README.zh.md", *sorted(DOCS.rglob("*.md"))], ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A file that a page links to is in the repository."""
    links = LINK.findall(prose_of(page))

    assert [] == [link for link in links if not (page.parent / link).exists()]
