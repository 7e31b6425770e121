"""The codes of all items as a table: one line an item."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd

from ae_core.probes.codes import coded
from ae_core.probes.specimen import Specimen

EVERY = 10**9  # items: all of them
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with which spreadsheets begin to compute


def table(specimen: Specimen) -> pd.DataFrame:
    """`item`, its row in the dataset; `split`, train or val; `label`, its class's name, where there are classes;
    `error`, mean squared error of its features as the network reads them; `z1` ..., its code, of a Gaussian one the
    mean.
    """
    z, arrays = coded(specimen, EVERY)
    names, labels = specimen.split.label_names, arrays["label"]
    found = {"item": arrays["item"], "split": np.where(arrays["is_val"] == 1, "val", "train")}
    if len(labels) and labels.min() >= 0:
        found["label"] = np.array([names[label] if label < len(names) else str(label) for label in labels])
    found["error"] = arrays["error"]
    return pd.DataFrame(found | {f"z{number + 1}": z[:, number] for number in range(z.shape[1])})


def codes_csv(specimen: Specimen) -> bytes:
    """The table as text, UTF-8, seven digits. A class whose name a spreadsheet would take for a formula is quoted."""
    found = table(specimen)
    if "label" in found:
        found["label"] = found["label"].map(lambda name: f"'{name}" if name[:1] in FORMULA else name)
    return bytes(found.to_csv(index=False, lineterminator="\n", float_format="%.7g").encode())


def codes_parquet(specimen: Specimen) -> bytes:
    """The table as Parquet, whose columns keep their types."""
    packed = io.BytesIO()
    table(specimen).to_parquet(packed, index=False)
    return packed.getvalue()
