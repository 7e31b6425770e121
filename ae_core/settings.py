"""What an installation can be told, all of it through the environment, and the limits it keeps.

| variable | meaning | default |
| --- | --- | --- |
| LATENT_LAB_HOME | folder of the database, the engine's log and its lock | the platform's user-data folder |
| LATENT_LAB_DATABASE_URL | where runs are kept, as an SQLAlchemy URL | SQLite file `lab.db` in the home folder |
| LATENT_LAB_DATA | folders with data files, separated as in PATH (read by `data.files`) | none |
| LATENT_LAB_SCHEDULER | address of a Dask scheduler (`tcp://...`, `tls://...`) | none: workers are started here |
| LATENT_LAB_WORKERS | worker processes started here | one a core, at most 4 |
| LATENT_LAB_LIMIT_<NAME> | one variable for each field of `Limits` | on the field |
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_data_dir

from ae_core.errors import AeError, LimitError

PREFIX = "LATENT_LAB_"


def _limit(default: int, description: str) -> int:
    """A field of Limits: its default, and the sentence-part that a refusal names it by."""
    return field(default=default, metadata={"description": description})


@dataclass(frozen=True)
class Limits:
    """What one browser, one run and the whole installation may ask for. Each is a positive whole number."""

    active_per_client: int = _limit(200, "runs of one browser that wait or train at the same time")
    active_total: int = _limit(600, "runs of everybody that wait or train at the same time")
    active_parameters: int = _limit(200_000_000, "numbers to learn in all models that wait or train at the same time")
    runs_per_client: int = _limit(500, "runs kept for one browser")
    parameters: int = _limit(5_000_000, "numbers to learn in one model")
    batch_numbers: int = _limit(20_000_000, "numbers held at once for one batch (items x neurons of all layers)")
    epochs: int = _limit(10_000, "epochs of one run")
    seconds: int = _limit(3_600, "seconds that a run trains in one go")
    questions_per_client: int = _limit(16, "questions of one browser about runs that wait or are worked on")
    questions_total: int = _limit(200, "questions of everybody about runs that wait or are worked on")
    studies_per_client: int = _limit(5, "studies of one browser that search at the same time")
    datasets_per_client: int = _limit(30, "datasets of one browser's own")
    dataset_megabytes_per_client: int = _limit(1_000, "megabytes of datasets of one browser's own")
    dataset_megabytes_total: int = _limit(10_000, "megabytes of datasets of everybody's own")
    dataset_days: int = _limit(90, "days for which a dataset of one's own is kept after it was last used")
    import_megabytes: int = _limit(200, "megabytes of the files of one import")
    import_rows: int = _limit(2_000_000, "rows of an imported table")
    import_columns: int = _limit(4_000, "columns of an imported table")
    import_files: int = _limit(20_000, "files of one import, in a ZIP too")
    import_megapixels: int = _limit(25, "megapixels of an imported picture")
    import_numbers: int = _limit(50_000_000, "numbers of an imported dataset (items x features)")
    import_seconds: int = _limit(60, "seconds for which imported files are read")
    import_memory: int = _limit(1_500, "megabytes of memory with which imported files are read")
    viewers: int = _limit(2_000, "viewers of live runs at the same time")

    def check(self, name: str, value: float) -> None:
        """Raises LimitError if `value` is above the limit called `name`; the message says how to raise it."""
        highest = getattr(self, name)
        if value > highest:
            raise self.refusal(name, f"This asks for {value:,.10g}")

    def refusal(self, name: str, what: str) -> LimitError:
        """The refusal that names the limit, its value and its environment variable. what: the sentence's beginning."""
        description = next(part.metadata["description"] for part in dataclasses.fields(self) if part.name == name)
        return LimitError(
            f"{what}; this installation allows {getattr(self, name):,} {description}. "
            f"Whoever runs it can change that with {PREFIX}LIMIT_{name.upper()}."
        )


@dataclass(frozen=True)
class Settings:
    """home: absolute. scheduler: "" for workers of our own. workers: how many of those."""

    home: Path
    database_url: str
    scheduler: str = ""
    workers: int = 2
    limits: Limits = Limits()

    @staticmethod
    def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
        """Settings from the variables above; an empty one counts as absent.

        Raises AeError with a sentence for a value that does not fit.
        """
        env = os.environ if environment is None else environment

        def text(name: str) -> str:
            return env.get(PREFIX + name, "").strip()

        home = Path(text("HOME") or user_data_dir("latent-lab", appauthor=False)).expanduser().absolute()
        limits = {
            part.name: _count(f"LIMIT_{part.name.upper()}", text(f"LIMIT_{part.name.upper()}"))
            for part in dataclasses.fields(Limits)
            if text(f"LIMIT_{part.name.upper()}")
        }
        workers = text("WORKERS")
        return Settings(
            home=home,
            database_url=_database(text("DATABASE_URL")) or f"sqlite:///{home.as_posix()}/lab.db",
            scheduler=_scheduler(text("SCHEDULER")),
            workers=_count("WORKERS", workers) if workers else min(os.cpu_count() or 1, 4),
            limits=Limits(**limits),
        )

    def environment(self) -> dict[str, str]:
        """The variables that make `from_environment` give these settings again, for a child process."""
        limits = {
            f"{PREFIX}LIMIT_{part.name.upper()}": str(getattr(self.limits, part.name))
            for part in dataclasses.fields(self.limits)
        }
        return limits | {
            f"{PREFIX}HOME": str(self.home),
            f"{PREFIX}DATABASE_URL": self.database_url,
            f"{PREFIX}SCHEDULER": self.scheduler,
            f"{PREFIX}WORKERS": str(self.workers),
        }


def _count(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise AeError(f"{PREFIX}{name} expects a whole number from 1 up, got {text[:40]!r}. Correct or unset it.")
    return int(text)


def _database(url: str) -> str:
    """The URL with the driver that is installed (psycopg 3), since `postgresql://` alone asks for another."""
    if url.startswith(("postgres://", "postgresql://")):
        url = "postgresql+psycopg://" + url.split("://", 1)[1]
    if url and not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise AeError(
            f"{PREFIX}DATABASE_URL expects sqlite:///file or postgresql://user@host/name, got one that begins with "
            f"{url.split('://', 1)[0][:40]!r}. Correct or unset it."
        )
    return url


def _scheduler(address: str) -> str:
    if address and not address.startswith(("tcp://", "tls://")):
        raise AeError(f"{PREFIX}SCHEDULER expects tcp://host:port or tls://host:port, got {address[:60]!r}.")
    return address
