"""The network in a real browser, by hand-written JavaScript, gives what PyTorch gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page, Route

from ae_core import frames
from ae_core.data import DATASETS
from ae_core.probes.answers import answer
from ae_core.probes.questions import Program
from ae_core.probes.specimen import Specimen
from ae_core.spec import RunSpec, changed
from ae_core.variants import VARIANTS, spec_of
from tests.browser.harness.server import ORACLE
from tests.networks import LEVEL, answers, drawn, level, networks, some, trained

torch.set_num_threads(1)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),  # Playwright's event loop
]

SCRIPTS = Path(__file__).parents[2] / "assets" / "scripts"
HOME = "http://lab.test"
NEAR = 1e-5  # of numbers of about 1; 1e-4 is what is promised

RUN = """async ({ x, labels }) => {
  const { decode } = await import("/frame.js"), { network } = await import("/explore/network.js");
  const net = network(decode(await (await fetch("/program")).arrayBuffer()));
  window.net = net;
  return x.map((item, i) => {
    const numbers = Float32Array.from(item), label = labels[i];
    const { logVar: log_var, ...coded } = net.encode(numbers, label);
    const found = { ...coded, log_var, y: net.decode(coded.z, label), again: net.reconstruct(numbers, label) };
    const known = Object.entries(found).filter(([, values]) => values);
    return Object.fromEntries(known.map(([name, values]) => [name, [...values]]));
  });
}"""


@pytest.fixture(scope="module")
def lab(browser: Browser) -> Iterator[tuple[Page, dict[str, bytes]]]:
    """A page that gets the project's scripts, and the program that is put here."""
    page, held, errors = browser.new_page(), {"/": b"<!doctype html>"}, []
    page.on("pageerror", lambda error: errors.append(str(error)))

    def serve(route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path in held:
            route.fulfill(body=held[path], content_type="text/html" if path == "/" else "application/octet-stream")
        else:
            route.fulfill(path=SCRIPTS / path[1:], content_type="text/javascript")

    page.route(f"{HOME}/**", serve)
    page.goto(HOME)
    yield page, held
    page.close()
    assert errors == []


@pytest.fixture
def load(lab: tuple[Page, dict[str, bytes]]) -> Callable[..., tuple[Page, list[dict[str, Any]]]]:
    """Runs the specimen's program on some items, in the page; there it stays as `net`."""
    page, held = lab

    def run(specimen: Specimen, x: torch.Tensor, labels: torch.Tensor) -> tuple[Page, list[dict[str, Any]]]:
        held["/program"] = answer(Program(), specimen, lambda _: None)
        told = labels.tolist() if specimen.model.classes else [None] * len(labels)
        return page, page.evaluate(RUN, {"x": x.tolist(), "labels": told})

    return run


def same(load, specimen: Specimen, count: int = 3) -> None:
    """Browser and PyTorch agree on everything that is known of some items; the choices of `choose` come on top."""
    x, labels = some(specimen.spec, count)
    expected = answers(specimen, x, labels)
    _, rows = load(specimen, x, labels)
    found = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    assert set(found) - {"chosen"} == set(expected) - {"chosen"}
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=NEAR, atol=NEAR, err_msg=name)


def test_a_frame_arrives_as_it_was_sent(lab):
    """Header, and arrays of every kind and shape, none of them among them."""
    page, held = lab
    held["/program"] = frames.encode({"note": "损失 ≤ ½"}, ORACLE)
    header, arrays = page.evaluate(
        """async () => {
          const { decode } = await import("/frame.js");
          const { header, arrays } = decode(await (await fetch("/program")).arrayBuffer());
          return [header, Object.entries(arrays).map(([name, { shape, data }]) => [name, shape, [...data]])];
        }"""
    )
    assert header == {"v": frames.VERSION, "note": "损失 ≤ ½"}
    assert [name for name, *_ in arrays] == list(ORACLE)
    for name, shape, data in arrays:
        np.testing.assert_array_equal(np.array(data, "f8").reshape(shape), ORACLE[name].astype("f8"), err_msg=name)


@pytest.mark.parametrize("name", networks())
def test_the_browser_gives_what_pytorch_gives(name, load):
    """Codes and all that is known of them, decoded codes and reconstructions, of every body, code and output."""
    same(load, drawn(networks()[name]))


@pytest.mark.parametrize("name", VARIANTS)
def test_a_trained_variant_runs_in_the_browser(name, load):
    """A few steps of training leave numbers that no network is made with; the browser counts with them too."""
    same(load, trained(spec_of(name), 12), count=8)


@pytest.mark.parametrize("code", LEVEL)
def test_of_equals_the_first_counts(code, load):
    """Equal numbers, entries and classes are settled in one way everywhere."""
    same(load, level(code))


@pytest.mark.parametrize("scale", [0.3, 3, 30])
def test_the_exact_gelu_is_exact_everywhere(scale, load):
    """The browser's own erf holds from the middle to where it is 1 to the last digit."""
    specimen = drawn(changed(RunSpec(), {"model_hidden": (200,), "model_activation": "gelu"}))
    specimen.model.encoder[0].dense.weight.mul_(scale)
    same(load, specimen)


def test_pictures_may_have_colours(load, monkeypatch):
    """Pixels of several numbers and pictures that are not square go the same way."""
    monkeypatch.setitem(DATASETS, "digits", replace(DATASETS["digits"], shape=lambda _: (9, 6, 3)))
    same(load, drawn(changed(RunSpec(), {"model_kind": "conv"})))


def test_nothing_is_left_over_from_the_item_before(load):
    """Buffers are used again; an item in between changes nothing, and results that were given stay as they are."""
    for name in ("variant-conv", "variant-sequence", "variant-k_sparse", "variant-categorical", "variant-vq_vae"):
        specimen = drawn(networks()[name])
        x, labels = some(specimen.spec, 2)
        page, _ = load(specimen, x, labels)
        kept, again, now = page.evaluate(
            """([a, b]) => {
              const one = net.reconstruct(Float32Array.from(a)), kept = [...one];
              const { z } = net.encode(Float32Array.from(a)), before = [...z];
              net.reconstruct(Float32Array.from(b));
              return [[...kept, ...before], [...one, ...z], [...net.reconstruct(Float32Array.from(a)), ...before]];
            }""",
            x.tolist(),
        )
        assert kept == again == now, name


def test_a_result_can_be_written_where_one_wants_it(load):
    """Given a buffer, nothing new is made, and it is the buffer that comes back."""
    specimen = drawn(spec_of("mlp"))
    page, _ = load(specimen, *some(specimen.spec, 1))
    assert page.evaluate(
        """() => {
          const into = new Float32Array(net.features), z = new Float32Array(net.width).fill(0.5);
          const back = net.decode(z, undefined, into), fresh = net.decode(z);
          return back === into && fresh !== into && fresh.every((value, i) => value === into[i]);
        }"""
    )


def test_the_codebook_is_within_reach(load):
    """What the entries are can be read, to be drawn on the map."""
    specimen = drawn(spec_of("vq_vae"))
    page, _ = load(specimen, *some(specimen.spec, 1))
    shape, data = page.evaluate("() => [net.codebook.shape, [...net.codebook.data]]")
    np.testing.assert_array_equal(np.array(data, "f4").reshape(shape), specimen.model.code.codebook.numpy())


@pytest.mark.parametrize(
    ("name", "call", "said"),
    [
        ("conditional", "net.decode(new Float32Array(net.width))", "expected a class from 0 to 9, got undefined"),
        ("conditional", "net.encode(new Float32Array(net.features), 10)", "expected a class from 0 to 9, got 10"),
        ("mlp", "net.decode(new Float32Array(3))", "expected 2 numbers, got 3"),
    ],
)
def test_what_cannot_be_right_is_refused(name, call, said, load):
    """A code of another width, or no class where one is needed, is an error and no picture."""
    specimen = drawn(spec_of(name))
    page, _ = load(specimen, *some(specimen.spec, 1))
    assert page.evaluate(f"() => {{ try {{ {call}; return ''; }} catch (error) {{ return error.message; }} }}") == said
