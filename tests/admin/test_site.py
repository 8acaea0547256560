"""The entrance: who gets in, how a session begins and ends, and what every answer forbids."""

from __future__ import annotations


async def test_a_page_is_shown_to_who_is_logged_in(site, viewer):
    """Both roles see it, in both languages."""
    english = await site.get("/dashboard/overview")
    chinese = await viewer.get("/dashboard/overview", headers={"accept-language": "zh-CN,zh;q=0.9"})

    assert (200, 200) == (english.status_code, chinese.status_code)
    assert 'lang="en"' in english.text
    assert 'lang="zh' in chinese.text


async def test_a_stranger_is_led_to_the_login_and_back(stranger):
    """The address that was asked for is kept, with its query."""
    page = await stranger.get("/dashboard/overview?days=7")
    twin = await stranger.get("/dashboard/overview.json")

    assert (303, "/dashboard/login?next=%2Fdashboard%2Foverview%3Fdays%3D7") == (
        page.status_code,
        page.headers["location"],
    )
    assert (401, "login.needed") == (twin.status_code, twin.json()["error"]["code"])
