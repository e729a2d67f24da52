"""The pictures in the docs: one of every page, taken by a script, and all of them are shown."""

import asyncio
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from notefly.client.app import create_app
from notefly.client.injection import Stopping
from notefly.config import Settings
from tools.screenshots.camera import HEIGHTS, take_all
from tools.screenshots.shots import SHOTS
from tools.screenshots.story import told

pytestmark = pytest.mark.browser
REPOSITORY = Path(__file__).parents[2]
IMAGES = REPOSITORY / "docs" / "images"
LARGEST, ALL_TOGETHER = 150_000, 1_500_000
"""Bytes."""
NO_PAGES = {
    "subscribers.chosen",
    "static",
    "activity.export",
    "activity.events",
    "chaos.banner_alone",
    "healthy",
}
LEADS_AWAY = {"subscriber_page"}
OF_THE_BROKER = {"broker /sub", "broker /docs"}
SHOWN = re.compile(r"!\[[^\]]+\]\(([^)]+)\)")


def test_every_page_has_a_picture(tmp_path: Path) -> None:
    app = create_app(Settings(data_dir=tmp_path), Stopping(asyncio.Event()))
    pages = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    assert {shot.shows for shot in SHOTS} == (pages - NO_PAGES - LEADS_AWAY) | OF_THE_BROKER


@pytest.mark.timeout(240)  # Some twenty pages, each in a window of its own.
def test_the_script_takes_them(chromium: Browser, tmp_path: Path) -> None:
    (tmp_path / "product").mkdir()
    with told(tmp_path / "product") as story:
        take_all(chromium, story, tmp_path)
    taken = {path.stem: path for path in tmp_path.glob("*.png")}
    assert sorted(taken) == sorted(shot.name for shot in SHOTS)
    for shot in SHOTS:
        least, most = HEIGHTS[shot.width]
        picture = Image.open(taken[shot.name])
        assert picture.width == shot.width
        assert least <= picture.height <= most
        assert len(picture.getcolors(maxcolors=256) or ()) > 8, f"nothing is on {shot.name}"


def test_the_docs_show_them_and_they_are_small() -> None:
    stored = {path.stem: path.stat().st_size for path in IMAGES.glob("*")}
    assert sorted(stored) == sorted(shot.name for shot in SHOTS), "`make screenshots`"
    assert max(stored.values()) <= LARGEST
    assert sum(stored.values()) <= ALL_TOGETHER
    texts = [REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")]
    shown = {
        (text.parent / address).resolve()
        for text in texts
        for address in SHOWN.findall(text.read_text("utf-8"))
    }
    assert shown == {IMAGES / f"{name}.png" for name in stored}
