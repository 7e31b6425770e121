"""From an upload to a trained model, through the door, for each form; and the door itself costs nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ae_core.data.shelf import shelf
from ae_core.data.split import prepare
from ae_core.events import Finished
from ae_core.imports import door
from ae_core.imports.bounds import Bounds
from ae_core.imports.plan import (
    PLAN,
    ArrayPlan,
    ImagePlan,
    PixelsPlan,
    RatingsPlan,
    SeriesPlan,
    Source,
    TablePlan,
    TextPlan,
    Understanding,
)
from ae_core.settings import Limits
from ae_core.spec import Own, RunSpec, changed
from ae_core.training import train
from tests.imports.files import csv, digits, image, iris, npy, prose, stars, zipped
from tests.imports.test_series import sensor


def pixels() -> str:
    """Digits in the rows of a table."""
    pictures, answers = digits()
    rows = [[a, *p.ravel().astype(int)] for p, a in zip(pictures[:200], answers, strict=False)]
    return csv([["label", *(f"pixel{n}" for n in range(64))], *rows])


def pictures() -> bytes:
    """Some of them as files."""
    found, answers = digits()
    shown = (15.9 * found[:60]).astype(np.uint8)
    return zipped({f"{a}/{n}.png": image(p) for n, (p, a) in enumerate(zip(shown, answers, strict=False))})


FORMS: dict[type, tuple[str, Callable[[], bytes | str], dict[str, object]]] = {
    TablePlan: ("iris.csv", lambda: csv(iris()), {}),
    PixelsPlan: ("digits.csv", pixels, {}),
    ImagePlan: ("digits.zip", pictures, {}),
    SeriesPlan: ("sensor.csv", lambda: sensor()[1], {}),
    TextPlan: ("t.csv", lambda: csv([["n", "text"], *([n, t] for n, t in enumerate(prose(60)))]), {}),
    RatingsPlan: ("u.data", lambda: csv(stars(), "\t"), {}),
    ArrayPlan: ("a.npy", lambda: npy(np.random.default_rng(0).random((80, 6))), {}),
}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_an_upload_is_trained_on(form: type, tmp_path: Path) -> None:
    """Understood, made by the child, put on the shelf, split, scaled and trained on for an epoch, as it comes."""
    name, content, changes = FORMS[form]
    made = content()
    (tmp_path / "upload").write_bytes(made if isinstance(made, bytes) else made.encode())
    sources = [Source(name=name, path=str(tmp_path / "upload"))]

    found = door.understand(sources)
    assert isinstance(found.plan, form)
    card = door.make(sources, found.plan, tmp_path / "made")
    data = Own(digest=shelf().put(tmp_path / "made"))
    split = prepare(data, "mse")
    spec = changed(RunSpec(data=data), {"training_epochs": 1, **changes})
    last = list(train(spec))[-1]

    assert split.shape == card.shape
    assert len(split.train) + len(split.val) == card.count
    assert isinstance(last, Finished)
    assert last.reason == "epochs"


def test_plans_survive_the_way_to_the_browser_and_back() -> None:
    """A plan, and all that was understood, is JSON."""
    for form in FORMS:
        plan = form()
        assert PLAN.validate_json(PLAN.dump_json(plan)) == plan
    found = Understanding(plan=TablePlan(), facts={"kind": "csv"}, alternatives=(SeriesPlan(),))  # type: ignore[arg-type]
    assert Understanding.model_validate_json(found.model_dump_json()) == found


def test_the_door_is_light() -> None:
    """A page that imports it loads no reader of files."""
    code = (
        "import sys, ae_core.imports.door, ae_core.imports.plan; "
        "print(sorted({'pandas', 'pyarrow', 'PIL', 'sklearn', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_installation_sets_the_bounds() -> None:
    """Each bound is a limit that the environment can change."""
    assert Bounds.of(Limits()) == Bounds()
    assert Bounds.of(Limits(import_rows=7)).rows == 7
