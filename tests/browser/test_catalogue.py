"""Every variant of the catalogue, chosen in the gallery and trained in a real browser, shows what is peculiar to it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from ae_core.data import DATASETS
from ae_core.objectives import READINGS
from ae_core.spec import Categorical, KSparse, Quantised, RunSpec, Variational, read
from ae_core.variants import VARIANTS, variant_of
from pages._ui.text import sentences
from tests.running import App

pytestmark = [
    pytest.mark.browser,
    # Playwright's own event loop
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]

STAGE = "document.querySelector('[data-testid=stage]')?.dataset"
SAID = sentences("en")
PATIENCE = 90_000  # milliseconds that a busy machine may take for anything here


@pytest.fixture(scope="module")
def page(browser: Browser, app: App) -> Iterator[Page]:
    """One visitor, who tries one variant after the other in short runs; a script error fails the last of them."""
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 1400})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{app.url}/?training_epochs=2&training_batch_size=256")
    page.wait_for_selector("[data-testid=stage][data-status=finished]:not([data-frames='0'])")
    yield page
    context.close()
    assert errors == []


def choose(page: Page, name: str) -> None:
    """Opens the gallery and clicks on a variant."""
    page.locator(".st-key-model button").click()
    page.get_by_test_id(f"variant-{name}").click()
    expect(page.locator(".st-key-model button")).to_contain_text(SAID[f"variant.{name}.title"])
    expect(page.get_by_test_id("stDialog")).to_have_count(0)


def train(page: Page) -> str:
    """Presses Train and waits until the new run has come to its end; its id."""
    before = page.evaluate(f"{STAGE}.run")
    button = page.locator(".st-key-train button")
    expect(button).to_be_enabled(timeout=PATIENCE)
    button.click()
    page.wait_for_function(
        f"before => {{ const d = {STAGE}; return d && d.run !== before && !['queued', 'running'].includes(d.status) "
        "&& d.frames !== '0' }",
        arg=before,
    )
    return str(page.evaluate(f"{STAGE}.run"))


def titles_of_the_code(spec: RunSpec) -> set[str]:
    """What the panel of the code may be called for this spec; nothing where there is no such panel."""
    code = spec.model.code
    bend = getattr(code, "activation", "")
    if isinstance(code, Quantised):
        return {"code_use"}
    if isinstance(code, Categorical):
        return {"code_choices"}
    if isinstance(code, KSparse) or bend in ("relu", "sigmoid"):
        return {"code_activity"}
    return {"kl_title"} if isinstance(code, Variational) and code.prior == "normal" else set()


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_is_chosen_trained_and_shown(page: Page, app: App, name: str) -> None:
    """Chosen with two clicks and trained with one, it ends without an accident and shows its own panel and curves."""
    choose(page, name)
    told = app.run(train(page))

    assert told["status"] == "finished"
    spec = read(told["spec"])
    assert variant_of(spec) == name
    assert page.locator("[data-testid=stException]").count() == 0
    stage = page.get_by_test_id("stage")
    assert not re.search(r"NaN|Infinity|undefined", stage.inner_text())
    expect(page.get_by_test_id("stage-val-mse")).to_contain_text(re.compile(r"\d"))

    panel = page.get_by_test_id("stage-code")
    if titles := titles_of_the_code(spec):
        expect(panel).to_be_visible()
        assert panel.get_by_role("heading").inner_text() in {SAID[f"stage.{title}"] for title in titles}
    else:
        expect(panel).to_be_hidden()
    watched = any(reading.applies(spec) for reading in READINGS.values())
    expect(stage.get_by_role("button", name=SAID["stage.view_readings"])).to_have_count(int(watched))
    if isinstance(spec.model.code, Variational) and spec.model.code.latent_dim in (2, 3):
        expect(page.get_by_test_id("stage-latent")).to_contain_text(SAID["stage.latent_rings"])
    if spec.objective.corruption.kind != "none" and DATASETS[spec.data.kind].form == "image":
        expect(page.get_by_test_id("stage-pairs")).to_contain_text(SAID["stage.pairs_image_noisy"])
