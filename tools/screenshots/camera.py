"""Takes the pictures: each page in a window of its own size and theme, standing still."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import groupby
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from tools.screenshots.shots import PHONE, SHOTS, Shot
from tools.screenshots.story import Story

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--disable-lcd-text",
]
STILL = (Path(__file__).parent / "still.js").read_text("utf-8")
SHIFTED = (Path(__file__).parent / "shifted.js").read_text("utf-8")
BEGINNING = datetime(2026, 11, 2, 10, 24, tzinfo=UTC)
"""When every story begins, to the minute: all its times are shifted by the same."""
HEIGHTS = {1280: (480, 960), PHONE: (480, 800)}
"""Pixels by width, at least and at most: what is below is left out."""
PATIENCE_MS = 15_000
COLOURS = 256
OF_THE_STREAM = "[data-live]:not([data-standing=up])"


def take_all(browser: Browser, story: Story, into: Path) -> None:
    """Every picture there is, as `<name>.png`."""
    for part, shots in groupby(SHOTS, key=lambda shot: shot.part):
        story.tell(part)
        for shot in shots:
            take(browser, story, shot, into / f"{shot.name}.png")


def take(browser: Browser, story: Story, shot: Shot, to: Path) -> None:
    """One picture; ids and ports in it are those of every picture ever taken, and its hour."""
    least, most = HEIGHTS[shot.width]
    places = {"console": story.console, "broker": story.broker, **story.ids}
    context = browser.new_context(
        viewport={"width": shot.width, "height": least},
        color_scheme=shot.theme,
        locale="en-GB",
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    try:
        began = story.began.replace(second=0, microsecond=0)
        milliseconds = (BEGINNING - began) // timedelta(milliseconds=1)
        context.add_init_script(SHIFTED.replace("SHIFT", str(milliseconds)))
        page = context.new_page()
        page.goto(shot.address.format_map(places))
        shot.act(page)
        page.locator(OF_THE_STREAM).wait_for(state="detached")
        page.evaluate(STILL, replacements(story))
        page.set_viewport_size({"width": shot.width, "height": min(most, _height(page))})
        reduced(page.screenshot(), to)
    finally:
        context.close()


def reduced(picture: bytes, to: Path) -> None:
    """In a palette that keeps plain areas exact: a third of the size, and nobody sees it."""
    image = Image.open(BytesIO(picture)).convert("RGB")
    few = image.quantize(COLOURS, kmeans=3, dither=Image.Dither.NONE)
    few.save(to, optimize=True)


def replacements(story: Story) -> Mapping[str, str]:
    """What stands in the pictures for what is another at each run."""
    broker, client = story.ports
    return {
        re.escape(str(story.folder)): "/home/ada",
        rf"\b{broker}\b": "5001",
        rf"\b{client}\b": "5000",
        r"\w{3}, \d+ \w{3} \d{4} [\d:]{8} \+0000": "Mon, 2 Nov 2026 10:24:00 +0000",
    }


def _height(page: Page) -> int:
    return int(page.evaluate("Math.ceil(document.documentElement.scrollHeight)"))
