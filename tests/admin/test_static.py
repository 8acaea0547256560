"""What browsers are given: small, unchanged where it is others' work, and nothing that the content policy forbids."""

from __future__ import annotations

import gzip
import hashlib
import re
import tomllib
from pathlib import Path

import pytest

from admin.i18n import load_texts
from admin.render import STATIC, TEMPLATES, Renderer, static_url

AXE = Path(__file__).parents[1] / "browser" / "axe"
FOLDERS = [STATIC / "vendor", AXE]
TEMPLATE_FILES = sorted(TEMPLATES.rglob("*.html"))
OWN_SCRIPTS = sorted(STATIC.glob("*.js"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_was_taken_from_others_is_unchanged(folder):
    """Every file has its hash, its version and its licence; a file without them fails."""
    taken = tomllib.loads((folder / "hashes.toml").read_text("utf-8"))["file"]

    assert {each["path"]: each["sha256"] for each in taken} == {
        each["path"]: hashlib.sha256((folder / each["path"]).read_bytes()).hexdigest() for each in taken
    }
    assert {each.name for each in folder.iterdir() if each.suffix in {".js", ".css"}} == {
        each["path"] for each in taken
    }
    for each in taken:
        assert {"name", "version", "source", "license"} <= each.keys()
        assert len((folder / each["license_file"]).read_text("utf-8")) > 400


def test_all_scripts_together_are_small():
    """Under 60 kB as they travel, compressed; our own under 10 kB each as they are written."""
    compressed = sum(len(gzip.compress(each.read_bytes(), 9)) for each in STATIC.rglob("*.js"))

    assert compressed < 60_000
    assert [] == [each.name for each in OWN_SCRIPTS if each.stat().st_size > 10_000]


@pytest.mark.parametrize("path", TEMPLATE_FILES, ids=lambda path: path.name)
def test_a_template_needs_nothing_that_the_policy_forbids(path):
    """No inline script, style or event handler, and nothing marked safe that is not."""
    text = path.read_text("utf-8")

    assert [] == re.findall(r"<script(?![^>]*\ssrc=)[^>]*>", text)
    assert [] == re.findall(r"<style|\sstyle=|\son[a-z]+\s*=\s*[\"']|javascript:", text)
    assert [] == re.findall(r"\|\s*safe\b|autoescape", text)
    assert [] == re.findall(r"(?:src|href)=[\"'](?:https?:)?//", text)


@pytest.mark.parametrize("path", TEMPLATE_FILES, ids=lambda path: path.name)
def test_every_form_that_changes_something_carries_its_token(path):
    """A form that posts has the token, or it is refused."""
    forms = re.findall(r"<form\b[^>]*method=\"post\".*?</form>", path.read_text("utf-8"), re.DOTALL)

    assert [] == [each[:120] for each in forms if "_csrf_token" not in each and "csrf(" not in each]


@pytest.mark.parametrize("path", OWN_SCRIPTS, ids=lambda path: path.name)
def test_our_scripts_make_no_markup_of_text(path):
    """What a prompt holds is put into pages as text, never as HTML; nothing is evaluated."""
    text = path.read_text("utf-8")

    assert [] == re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    assert '"use strict";' in text


def test_the_stylesheet_names_colours_in_its_tokens_only():
    """Below the tokens no hue is written, so that both themes stay whole; print has its own."""
    text = (STATIC / "site.css").read_text("utf-8")
    rules = text.partition("/* ---- ground ---- */")[2].partition("@media print")[0]

    assert [] == re.findall(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(\s*\d", rules)
    assert [] == re.findall(r"@import|url\(", text)


def test_both_ways_to_be_dark_are_the_same():
    """By the system and by the switch; CSS has no way to say it once."""
    text = (STATIC / "site.css").read_text("utf-8")
    by_system = re.search(r":root:not\(\[data-theme=\"light\"\]\) \{(.*?)\}", text, re.DOTALL)
    by_switch = re.search(r":root\[data-theme=\"dark\"\] \{(.*?)\}", text, re.DOTALL)

    assert by_system is not None
    assert by_switch is not None
    assert by_system[1].split() == by_switch[1].split()


def _tokens(block):
    return {name: value.strip() for name, value in re.findall(r"(--[a-z0-9-]+):\s*(#[0-9a-f]{3,6})", block)}


def _luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * each for each in colour[1:])
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one, other):
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_and_lines_stand_out_from_what_is_behind_them(theme):
    """WCAG 2.2: 4.5 for text (1.4.3), 3 for lines of charts and borders of fields (1.4.11)."""
    text = (STATIC / "site.css").read_text("utf-8")
    block = {"light": r":root \{(.*?)\}", "dark": r":root\[data-theme=\"dark\"\] \{(.*?)\}"}[theme]
    found = re.search(block, text, re.DOTALL)
    assert found is not None
    token = _tokens(found[1])
    grounds = [token[name] for name in ("--ground", "--surface", "--sunken", "--hover")]
    words = [(token[name], ground) for name in ("--ink", "--ink-2", "--ink-3", "--accent-ink") for ground in grounds]
    words += [(token[f"--{name}"], token[f"--{name}-soft"]) for name in ("good", "warn", "bad", "off")]
    words += [(token["--on-accent"], token["--accent"]), (token["--accent-ink"], token["--accent-soft"])]
    lines = [(token[f"--series-{n}"], token["--surface"]) for n in range(1, 9)]
    lines += [(token["--line-strong"], token["--surface"])]

    assert [] == [(pair, round(_contrast(*pair), 2)) for pair in words if _contrast(*pair) < 4.5]
    assert [] == [(pair, round(_contrast(*pair), 2)) for pair in lines if _contrast(*pair) < 3]


def test_an_address_changes_with_the_file():
    """So that it may be kept for ever."""
    digest = hashlib.sha256((STATIC / "site.css").read_bytes()).hexdigest()

    assert f"/dashboard/static/site.css?v={digest[:12]}" == static_url("site.css")


async def test_static_files_need_no_login(stranger):
    """The login page is styled too."""
    answer = await stranger.get(static_url("site.css"))

    assert (200, "text/css") == (answer.status_code, answer.headers["content-type"].partition(";")[0])


async def test_no_file_outside_the_folder_is_given(stranger):
    """Whatever the path says."""
    for path in ("../render.py", "..%2frender.py", "%2e%2e/render.py", "vendor/../../render.py", "/etc/passwd"):
        answer = await stranger.get(f"/dashboard/static/{path}")

        assert 404 == answer.status_code
        assert "import" not in answer.text


async def test_static_files_are_kept_for_ever_and_pages_never(site):
    """Their addresses change with them; a page shows what is now."""
    styled = await site.get(static_url("site.css"))
    page = await site.get("/dashboard/overview")

    assert {"public", "immutable", "max-age=31536000"} == set(styled.headers["cache-control"].split(", "))
    assert "no-store" == page.headers["cache-control"]


def test_every_template_compiles():
    """Also those that no other test shows; compiled once, and then kept for both languages."""
    Renderer(load_texts()).compile_all()


def test_a_template_that_changes_under_a_process_changes_nothing_there(tmp_path):
    """An upgrade in place brings templates whose texts this process has not read: it shows what it started with."""
    page = tmp_path / "page.html"
    page.write_text("before", encoding="utf-8")
    renderer = Renderer(load_texts(), templates=tmp_path)
    renderer.compile_all()
    page.write_text("after {{ t('no.such_text') }}", encoding="utf-8")

    assert "before" == renderer.render("page.html", {}, language="zh")
