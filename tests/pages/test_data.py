"""The data page, driven without a browser by Streamlit's own AppTest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ae_core import services
from ae_core.data import DATASETS, Items, missing
from ae_core.data.card import Card
from ae_core.data.columns import Column
from ae_core.data.download import State
from ae_core.data.shelf import shelf, write
from ae_core.spec import read
from tests.pages.opened import clean


@pytest.fixture
def page(visitor: AppTest) -> AppTest:
    """The data page."""
    return clean(visitor.run().switch_page("data.py").run())


def words(app: AppTest) -> str:
    """All that is written on the page."""
    kinds = (app.markdown, app.caption, app.subheader, app.info, app.warning, app.error, app.code)
    return " ".join(part.value for kind in kinds for part in kind)


def kept(folder: Path, owner: str, title: str = "petals") -> str:
    """A dataset of somebody's own on the shelf."""
    x = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    columns = (Column(name="<b>long</b>"), Column(name="wide"))
    card = Card(title=title, form="table", shape=(2,), count=60, columns=columns, files=("petals.csv",))
    write(folder / "made", card, Items(x=x))
    return services.current().client.keep_dataset(folder / "made", owner)


def data_of(app: AppTest) -> dict[str, object]:
    """The dataset on the knobs."""
    return read(app.session_state["_spec"]).data.model_dump()


@pytest.mark.parametrize("kind", DATASETS)
def test_every_dataset_can_be_looked_at(visitor: AppTest, kind: str) -> None:
    """Those that come along, and those that this machine lacks: each says what it is, and how to get it."""
    visitor.query_params["data_kind"] = kind
    page = clean(visitor.run().switch_page("data.py").run())
    assert data_of(page)["kind"] == kind
    assert DATASETS[kind].source in words(page)
    assert bool(page.info) == (missing(DATASETS[kind]) is not None)


def test_an_own_dataset_is_shown_kept_and_deleted(page: AppTest, tmp_path: Path) -> None:
    """Its link names its digest; deleting it asks first, takes its items, and puts digits in its place."""
    digest = kept(tmp_path, page.session_state["_owner"])
    page.session_state["_spec"] = read(
        '{"data": {"kind": "own", "digest": "' + digest + '"}, "model": {"kind": "mlp"}}'
    ).model_dump_json()
    clean(page.run())
    assert "60 items of 2 numbers" in words(page)
    assert f"data_digest={digest}" in words(page)
    assert "petals.csv" in words(page)
    clean(page.button(key="data_delete").click().run())
    assert data_of(page)["kind"] == "digits"
    assert not shelf().has(digest)
    assert "deleted" in words(page)


def test_a_stranger_may_train_on_it_and_keep_it(visitor: AppTest, tmp_path: Path) -> None:
    """Whoever has the link sees the dataset, cannot delete it, and may keep it too."""
    visitor.run()
    digest = kept(tmp_path, "somebody else")
    visitor = AppTest.from_file(visitor._script_path, default_timeout=60)
    visitor.query_params["data_kind"], visitor.query_params["data_digest"] = "own", digest
    page = clean(visitor.run().switch_page("data.py").run())
    assert data_of(page)["digest"] == digest
    assert "data_delete" not in {button.key for button in page.button}
    clean(page.button(key="data_keep").click().run())
    assert [own.digest for own in services.current().store.datasets.of(page.session_state["_owner"])] == [digest]


def test_what_its_owner_deleted_says_so(visitor: AppTest, tmp_path: Path) -> None:
    """A link to it still tells what it was, and offers neither training nor keeping."""
    visitor.run()
    digest = kept(tmp_path, "somebody else")
    services.current().client.delete_dataset(digest, "somebody else")
    visitor = AppTest.from_file(visitor._script_path, default_timeout=60)
    visitor.query_params["data_kind"], visitor.query_params["data_digest"] = "own", digest
    page = clean(visitor.run().switch_page("data.py").run())
    assert "deleted this dataset" in words(page)
    assert page.subheader[0].value == "petals"
    assert not {"data_train", "data_keep", "data_delete"} & {button.key for button in page.button}


@pytest.mark.parametrize("digest", ["0" * 32, "", "../../etc/passwd", "<script>"])
def test_a_link_to_a_dataset_that_is_not_here_is_a_sentence(visitor: AppTest, digest: str) -> None:
    """The page opens on digits and says why."""
    visitor.query_params["data_kind"], visitor.query_params["data_digest"] = "own", digest
    page = clean(visitor.run())
    assert data_of(page)["kind"] == "digits"
    assert page.warning
    clean(page.switch_page("data.py").run())


def test_a_strangers_title_is_plain_text(page: AppTest, tmp_path: Path) -> None:
    """Markdown, HTML and LaTeX in a title are not read as such."""
    digest = kept(tmp_path, page.session_state["_owner"], "# **x** <img src=q> $a$ [b](c) `d` :red[e]")
    page.session_state["_spec"] = read('{"data": {"kind": "own", "digest": "' + digest + '"}}').model_dump_json()
    clean(page.run())
    assert not set(page.subheader[0].value) & set("#*<>$[]`:")


def looked_at(visitor: AppTest, kind: str) -> AppTest:
    """The data page with that dataset chosen."""
    visitor.query_params["data_kind"] = kind
    return clean(visitor.run().switch_page("data.py").run())


def test_a_download_names_host_and_size_and_can_be_cancelled(visitor: AppTest) -> None:
    """Before it begins, while it runs, when it has failed, and when it was cancelled."""
    page = looked_at(visitor, "kmnist")
    download, downloads = DATASETS["kmnist"].download, services.current().downloads
    assert download is not None
    assert download.host in page.info[0].value
    assert str(download.megabytes) in page.info[0].value
    assert download.host in page.button(key="data_download").label

    downloads._states["kmnist"] = State("running", 0.4)
    clean(page.run())
    assert "40%" in str(page.get("progress")[0].proto.text)
    clean(page.button(key="data_cancel").click().run())
    assert downloads.state("kmnist").stage == "idle"

    downloads._states["kmnist"] = State("failed", sentence=f"{download.host} cannot be reached. Try again later.")
    clean(page.run())
    assert "cannot be reached" in page.error[0].value
    assert page.button(key="data_download")


def test_what_comes_with_a_package_says_how_to_get_it(visitor: AppTest) -> None:
    """The name as pip knows it; nothing to train on, and nothing to download."""
    if missing(DATASETS["shuttle"]) is None:
        pytest.skip("river is installed")
    page = looked_at(visitor, "shuttle")
    assert "pip install river" in page.info[0].value
    assert not {"data_train", "data_download"} & {button.key for button in page.button}
