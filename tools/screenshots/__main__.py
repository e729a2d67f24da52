"""`python -m tools.screenshots [FOLDER]`: takes all pictures anew, into docs/images by default."""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tools.screenshots.camera import FLAGS, take_all
from tools.screenshots.story import told

IMAGES = Path(__file__).parents[2] / "docs" / "images"


def main(into: Path) -> None:
    """Pictures of pages that are no more are removed."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("there is no chromium; `make screenshots` says how to get it")
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    with (
        tempfile.TemporaryDirectory(prefix="notefly-screenshots-") as folder,
        told(Path(folder)) as story,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        take_all(browser, story, into)
        browser.close()
    pictures = sorted(into.glob("*.png"))
    size = sum(picture.stat().st_size for picture in pictures)
    print(f"{len(pictures)} pictures, {size / 1_000:,.0f} kB, in {into}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
