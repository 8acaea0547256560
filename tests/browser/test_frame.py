"""What stands around every page: the way in and out, the navigation, language and theme, and what the script adds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.browser.conftest import MARKS

pytestmark = MARKS
OVERVIEW = "/dashboard/overview"
EIGHT_HOURS = timedelta(hours=8)


async def focused(page):
    """Where the keyboard is: address of a link of the navigation, and whether a ring shows it."""
    return await page.evaluate(
        "(() => { const at = document.activeElement, s = getComputedStyle(at);"
        " return [at.closest('.side, .skip') ? at.getAttribute('href') : null,"
        " s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0] })()"
    )


async def test_the_way_in_and_out(look, filled_site):
    """A stranger is asked who they are, comes where they wanted to go, and after leaving is a stranger again."""
    seen = await look(filled_site, role=None)
    await seen.page.goto(f"{OVERVIEW}?hours=168")
    await seen.page.get_by_label("Name").fill("admin")
    await seen.page.get_by_label("Password").fill("wrong")
    await seen.page.get_by_role("button", name="Log in").click()
    refused = await seen.page.get_by_role("alert").inner_text()
    await seen.page.get_by_label("Name").fill("admin")
    await seen.page.get_by_label("Password").fill(filled_site.password)
    await seen.page.get_by_role("button", name="Log in").click()
    await seen.page.wait_for_url(f"**{OVERVIEW}?hours=168")
    await seen.page.get_by_role("button", name="Log out").click()
    await seen.page.wait_for_url("**/dashboard/login")
    again = await seen.page.goto(OVERVIEW)

    assert "wrong" in refused
    assert "/dashboard/login" in again.url


async def test_the_keyboard_reaches_every_page(look, filled_site):
    """The first stop leads to the content; then every link of the navigation takes its turn, each with a ring."""
    seen = await look(filled_site)
    await seen.page.goto(OVERVIEW)
    links = await seen.page.evaluate("[...document.querySelectorAll('.side a')].map(a => a.getAttribute('href'))")
    stops = []
    while len(stops) < len(links) + 12 and links[-1] not in {href for href, _ring in stops}:
        await seen.page.keyboard.press("Tab")
        stops.append(await focused(seen.page))

    assert ["#main", *links] == [href for href, _ring in stops if href]
    assert all(ring for _href, ring in stops)


async def test_the_first_stop_leads_to_the_content(look, filled_site):
    """Enter on it, and the next stop lies within the page."""
    seen = await look(filled_site)
    await seen.page.goto(OVERVIEW)
    for key in ("Tab", "Enter", "Tab"):
        await seen.page.keyboard.press(key)

    assert await seen.page.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.parametrize("script", [True, False])
async def test_the_menu_of_a_telephone_opens_without_a_script(look, filled_site, script):
    """Closed at first; opened by the keyboard it shows pages, language, theme and the way out."""
    seen = await look(filled_site, width=360, height=740, java_script_enabled=script)
    await seen.page.goto(OVERVIEW)
    navigation = seen.page.get_by_role("navigation", name="Pages")
    before = await navigation.is_visible()
    await seen.page.locator(".menu > summary").focus()
    await seen.page.keyboard.press("Enter")

    assert [False, True] == [before, await navigation.is_visible()]
    assert await seen.page.get_by_role("button", name="Log out").is_visible()
    if script:
        await seen.page.keyboard.press("Escape")
        assert not await navigation.is_visible()


@pytest.mark.parametrize("script", [True, False])
async def test_language_and_theme_are_chosen_in_the_header_and_stay(look, filled_site, script):
    """The server writes them into the page, so that nothing flashes; the address, with its query, stays."""
    seen = await look(filled_site, java_script_enabled=script)
    await seen.page.goto(f"{OVERVIEW}?hours=168")
    await seen.page.locator("button[name=language][value=zh]").click()
    await seen.page.locator("button[name=theme][value=dark]").click()
    await seen.page.wait_for_load_state()
    root = seen.page.locator("html")

    assert ("zh-Hans", "dark") == (await root.get_attribute("lang"), await root.get_attribute("data-theme"))
    assert seen.page.url.endswith(f"{OVERVIEW}?hours=168")
    assert "总览" in await seen.page.locator("h1").inner_text()


async def test_times_are_written_in_the_viewers_zone(look, filled_site, decisions):
    """With UTC in the title; without a script UTC stands there."""
    path = f"/dashboard/decisions/{decisions[0].id}"
    there = await look(filled_site, timezone_id="Asia/Shanghai")
    plain = await look(filled_site, timezone_id="Asia/Shanghai", java_script_enabled=False)
    await there.page.goto("/dashboard/decisions")
    await plain.page.goto("/dashboard/decisions")
    shown = there.page.locator(f"a[href='{path}'] time").first
    at = decisions[0].ts

    assert at.strftime("%Y-%m-%d %H:%M:%S UTC") == await shown.get_attribute("title")
    assert (at + EIGHT_HOURS).strftime("%Y-%m-%d %H:%M:%S") == await shown.inner_text()
    assert at.strftime("%Y-%m-%d %H:%M:%S") == await plain.page.locator(f"a[href='{path}'] time").first.inner_text()


async def test_time_series_are_drawn_over_their_pictures(look, filled_site):
    """Without a script the server's picture stays; with one it is replaced, and named by the sentence."""
    drawn = await look(filled_site)
    plain = await look(filled_site, java_script_enabled=False)
    await drawn.page.goto(OVERVIEW)
    await plain.page.goto(OVERVIEW)
    plot = drawn.page.locator(".plot").first

    assert await plot.locator("canvas").is_visible()
    assert await plot.get_attribute("aria-label") == await drawn.page.locator("figcaption").first.inner_text()
    assert await plain.page.locator(".plot svg").first.is_visible()


async def test_a_command_is_copied_by_its_button(look, empty_site):
    """What an empty page says to run."""
    seen = await look(empty_site, permissions=["clipboard-read", "clipboard-write"])
    await seen.page.goto(OVERVIEW)
    await seen.page.locator("button[data-copy]").first.click()

    assert (await seen.page.evaluate("navigator.clipboard.readText()")).startswith("curl http://127.0.0.1:8000/v1/")


async def test_hostile_text_is_shown_and_not_run(look, filled_site):
    """The question of the newest decision is made of markup; the page shows it letter by letter."""
    seen = await look(filled_site)
    await seen.page.goto("/dashboard/decisions")

    assert "<script>alert(1)</script>" in await seen.page.locator("main").inner_text()
    assert [] == seen.complaints


async def test_another_period_is_fetched_in_place(look, filled_site):
    """The address changes, charts are drawn anew, the header's forms lead back here, and so does the way back."""
    seen = await look(filled_site)
    await seen.page.goto(OVERVIEW)
    await seen.page.evaluate("window.isStillHere = true")
    await seen.page.locator("#period-168").click()
    await seen.page.wait_for_url(f"**{OVERVIEW}?hours=168")
    await seen.page.locator("#period-168[aria-current]").wait_for()
    there = await seen.page.locator("#top input[name=next]").first.get_attribute("value")
    n_drawn = await seen.page.locator(".plot canvas").count()
    focused_id = await seen.page.evaluate("document.activeElement.id")
    await seen.page.go_back()
    await seen.page.locator("#period-24[aria-current]").wait_for()

    assert await seen.page.evaluate("window.isStillHere")
    assert (f"{OVERVIEW}?hours=168", 2, "period-168") == (there, n_drawn, focused_id)
    assert [] == seen.complaints


async def test_who_was_logged_out_meanwhile_is_led_to_the_login(look, filled_site):
    """Not shown a login inside the frame of a page."""
    seen = await look(filled_site)
    await seen.page.goto(OVERVIEW)
    await seen.page.context.clear_cookies(name="thalamus_session")
    await seen.page.locator("#period-168").click()
    await seen.page.wait_for_url("**/dashboard/login?next=*")

    assert await seen.page.get_by_label("Password").is_visible()
    assert 0 == await seen.page.locator(".side").count()


async def test_a_refusal_is_shown_as_a_page(look, filled_site):
    """What the server says of a wrong address is not swallowed by the script."""
    seen = await look(filled_site)
    await seen.page.goto(OVERVIEW)
    await seen.page.evaluate(
        "document.getElementById('period-168').setAttribute('href', '/dashboard/overview?hours=wrong');"
        "htmx.process(document.getElementById('period-168'))"
    )
    await seen.page.locator("#period-168").click()
    await seen.page.wait_for_url("**/dashboard/overview?hours=wrong")

    assert "wrong" in await seen.page.get_by_role("alert").inner_text()
