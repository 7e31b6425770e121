"""Datasets in the real browser: chosen, drawn, and trained on."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.running import App
from tests.waiting import wait_for

pytestmark = pytest.mark.browser
SOON = 60_000  # milliseconds


def trained(page: Page, epochs: int = 3) -> None:
    """In the Playground, the dataset on the knobs is trained on for some epochs; the rest of them takes a moment."""
    page.get_by_role("button", name=re.compile("^Train")).first.click(timeout=SOON)
    stage = page.locator("[data-testid=stage]")
    wait_for(lambda: stage.get_attribute("data-status") in ("running", "finished") and stage.get_attribute("data-run"))
    wait_for(lambda: float(stage.get_attribute("data-epoch") or 0) >= epochs)


def test_a_chosen_dataset_is_the_one_on_the_knobs(app: App, page: Page) -> None:
    """A card on the data page, and the same card in the Playground; the link names it."""
    page.goto(f"{app.url}/data")
    page.get_by_test_id("data-rings").click(timeout=SOON)
    expect(page.get_by_role("heading", name="Rings")).to_be_visible(timeout=SOON)
    page.wait_for_url(re.compile("data_kind=rings"), timeout=SOON)
    page.get_by_role("button", name="Train on it in the Playground").click()
    expect(page.get_by_test_id("data-rings")).to_have_attribute("aria-checked", "true", timeout=SOON)
    trained(page)


def test_a_drawing_becomes_a_dataset_that_trains_and_can_be_deleted(app: App, page: Page) -> None:
    """Drawn, named, used: it is on the knobs, has a picture among the cards, and goes again."""
    page.goto(f"{app.url}/data")
    page.get_by_text("Draw", exact=True).click(timeout=SOON)
    page.get_by_label("Name of the drawing").fill("two moods")
    page.get_by_test_id("drawing-presets").click(timeout=SOON)
    page.get_by_text("Heart", exact=True).click()
    page.get_by_test_id("drawing-use").click()
    expect(page.get_by_role("heading", name="two moods")).to_be_visible(timeout=SOON)
    card = page.locator("[data-testid^='data-own-']")
    expect(card).to_have_attribute("aria-checked", "true")
    wait_for(lambda: card.locator("img").evaluate("image => image.complete && image.naturalWidth") == 240)
    page.get_by_role("button", name="Train on it in the Playground").click()
    expect(page.locator("[data-testid^='data-own-'][aria-checked=true]")).to_be_visible(timeout=SOON)
    trained(page)
    page.goto(f"{app.url}/data?{page.url.partition('?')[2]}")
    page.locator("[data-testid^='data-own-']").click(timeout=SOON)
    page.get_by_role("button", name="Delete").click(timeout=SOON)
    page.get_by_role("button", name="Delete it").click(timeout=SOON)
    expect(page.get_by_text("The dataset is deleted", exact=False)).to_be_visible(timeout=SOON)
    expect(page.locator("[data-testid^='data-own-']")).to_have_count(0)


# ------------------------------------------------------------------------------------------------ bringing files


def brought(page: Page, app: App, *files: Path) -> None:
    """The page with these files dropped on it."""
    page.goto(f"{app.url}/data")
    page.get_by_text("Bring your own", exact=True).click(timeout=SOON)
    page.locator("input[type=file]").set_input_files(files, timeout=SOON)


def made(page: Page, title: str) -> None:
    """The dataset is made as it was understood, and looked at."""
    page.locator(".st-key-import_make button").click(timeout=SOON)
    expect(page.get_by_role("heading", name=title)).to_be_visible(timeout=SOON)
    expect(page.locator("[data-testid^='data-own-'][aria-checked=true]")).to_be_visible(timeout=SOON)


def table(folder: Path) -> Path:
    """Eighty flowers with a decimal comma, two categories, gaps and an id."""
    chance = np.random.default_rng(0)
    rows = ["species;length;width;colour;fresh;id"]
    for number in range(80):
        length, width = (f"{value:.2f}".replace(".", ",") for value in chance.normal([3 + number % 2, 1]))
        colour, fresh = chance.choice(["red", "blue", "white"]), chance.choice(["yes", "no", ""])
        rows.append(f"{('setosa', 'virginica')[number % 2]};{length};{width};{colour};{fresh};{number}")
    (folder / "flowers.csv").write_text("\n".join(rows), encoding="utf-8")
    return folder / "flowers.csv"


def test_a_table_is_understood_corrected_and_trained_on(app: App, page: Page, tmp_path: Path) -> None:
    """Semicolons, decimal commas, classes, gaps and an id are seen; a column is taken out; mixed columns train."""
    brought(page, app, table(tmp_path))
    expect(page.get_by_text("80 rows")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("setosa (40), virginica (40)")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("my flowers")
    page.get_by_label("Name", exact=True).press("Enter")
    made(page, "my flowers")
    expect(page.get_by_text("80 items of 6 numbers")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("id", exact=False).last).to_be_visible()
    page.wait_for_url(re.compile("objective_reconstruction=mixed"), timeout=SOON)
    page.get_by_role("button", name="Train on it in the Playground").click()
    expect(page.locator("[data-testid^='data-own-'][aria-checked=true]")).to_be_visible(timeout=SOON)
    trained(page)


def test_pictures_in_class_folders_become_a_dataset(app: App, page: Page, tmp_path: Path) -> None:
    """A ZIP of PNGs: sizes and classes are told, the preview shows them, and they train."""
    chance = np.random.default_rng(0)
    with zipfile.ZipFile(tmp_path / "shapes.zip", "w") as box:
        for number in range(40):
            name, grey = (("dark", 60), ("light", 200))[number % 2]
            picture = Image.fromarray(np.clip(chance.normal(grey, 20, (20, 20)), 0, 255).astype(np.uint8))
            packed = io.BytesIO()
            picture.save(packed, "PNG")
            box.writestr(f"{name}/{number}.png", packed.getvalue())
    brought(page, app, tmp_path / "shapes.zip")
    expect(page.get_by_text("dark (20), light (20)")).to_be_visible(timeout=SOON)
    made(page, "shapes")
    page.locator("[data-testid=stImage] img").wait_for(timeout=SOON)
    page.get_by_role("button", name="Train on it in the Playground").click()
    expect(page.locator("[data-testid^='data-own-'][aria-checked=true]")).to_be_visible(timeout=SOON)
    trained(page)


def bomb(folder: Path) -> Path:
    """A PNG that claims 60,000 x 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0))
    packed = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")
    (folder / "bomb.png").write_bytes(packed)
    return folder / "bomb.png"


def pickled(folder: Path) -> Path:
    """An NPY file with Python objects."""
    np.save(folder / "objects.npy", np.array([{"a": 1}] * 30, dtype=object), allow_pickle=True)
    return folder / "objects.npy"


def nothing(folder: Path) -> Path:
    """An empty file."""
    (folder / "empty.csv").write_text("", encoding="utf-8")
    return folder / "empty.csv"


@pytest.mark.parametrize("hostile", [bomb, pickled, nothing], ids=lambda make: make.__name__)
def test_what_cannot_be_taken_is_refused_in_a_sentence_and_the_page_goes_on(
    app: App, page: Page, tmp_path: Path, hostile
) -> None:
    """The reason is told, nothing is kept, and the next file is taken."""
    brought(page, app, hostile(tmp_path))
    alert = page.locator("[data-testid=stAlert]")
    expect(alert).to_be_visible(timeout=SOON)
    assert alert.inner_text().strip().endswith(".")
    assert "Traceback" not in page.content()
    page.locator("input[type=file]").set_input_files(table(tmp_path), timeout=SOON)
    expect(page.get_by_text("80 rows")).to_be_visible(timeout=SOON)
    app.until(status="ok", engine="ready")
