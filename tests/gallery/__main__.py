"""`python -m tests.gallery build/gallery.html`: every drawn thing in one page, on light and on dark ground."""

from __future__ import annotations

import base64
import html
import sys
from collections.abc import Iterator
from pathlib import Path

from ae_core import frames
from ae_core.data import DATASETS
from ae_core.events import from_json
from ae_core.plots.curves import curves, draw_curves
from ae_core.plots.latent import draw_latent, latent_map
from ae_core.starter import FILE, unpacked
from tests.gallery.thumbnails import FOLDER

STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 0 }
section { padding: 1.5rem; display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: 1.25rem }
section.light { background: #fcfcfe; color: #1e2033 } section.dark { background: #12131c; color: #e7e8f2 }
figure { margin: 0 } img { max-width: 100% } small { opacity: .75 } h2 { grid-column: 1 / -1; margin: 0 }
"""


def cards() -> Iterator[str]:
    """Each dataset's picture with what its record says."""
    for kind, dataset in DATASETS.items():
        picture = base64.b64encode((FOLDER / f"{kind}.png").read_bytes()).decode()
        spec = dataset.spec()
        facts = f"{dataset.count(spec):,} items of {' x '.join(map(str, dataset.shape(spec)))} · {dataset.licence}"
        yield (
            f'<figure><img alt="{kind}" src="data:image/png;base64,{picture}">'
            f"<figcaption><b>{kind}</b> {html.escape(facts)}<br><small>{html.escape(dataset.source)}</small>"
            "</figcaption></figure>"
        )


def plots() -> Iterator[str]:
    """Every still picture, drawn from the starter run."""
    news = unpacked(FILE.read_bytes())
    events = [from_json(event) for part in news for event in part.events]
    facts, fixed = frames.decode(news[0].introduction or b"")
    _, seen = frames.decode(news[-1].snapshot or b"")
    words = {"train": "train", "val": "validation", "epoch": "epoch", "mse": "MSE", "axis": "code", "class": "class"}
    latent = draw_latent(latent_map(fixed, seen, facts["label_names"]), words)
    for number, figure in enumerate((draw_curves(curves(events), "mse", words), latent)):
        yield figure.to_html(full_html=False, include_plotlyjs=number == 0)


def page() -> str:
    """The whole page, which needs no other file."""
    grounds = "".join(
        f'<section class="{ground}"><h2>Datasets, {ground}</h2>{"".join(cards())}</section>'
        for ground in ("light", "dark")
    )
    return (
        f'<!doctype html><meta charset="utf-8"><title>Gallery</title><style>{STYLE}</style>{grounds}{"".join(plots())}'
    )


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page(), encoding="utf-8")
    print(f"The gallery is in {target}.")
