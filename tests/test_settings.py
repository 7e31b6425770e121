"""Settings: what the environment may say."""

from __future__ import annotations

import pytest

from ae_core.errors import AeError, LimitError
from ae_core.settings import Limits, Settings


def test_an_empty_environment_gives_working_settings():
    """Without any variable: SQLite in the home folder, workers of our own."""
    settings = Settings.from_environment({})
    assert settings.home.is_absolute()
    assert settings.database_url == f"sqlite:///{settings.home.as_posix()}/lab.db"
    assert settings.scheduler == ""
    assert 1 <= settings.workers <= 4


def test_settings_survive_the_way_to_a_child_process(tmp_path):
    """The variables that settings write give the same settings when they are read."""
    settings = Settings.from_environment(
        {
            "LATENT_LAB_HOME": str(tmp_path),
            "LATENT_LAB_DATABASE_URL": "postgresql://me@host/lab",
            "LATENT_LAB_SCHEDULER": "tcp://127.0.0.1:8786",
            "LATENT_LAB_WORKERS": "3",
            "LATENT_LAB_LIMIT_EPOCHS": "77",
        }
    )
    assert settings.database_url == "postgresql+psycopg://me@host/lab"
    assert settings.limits.epochs == 77
    assert Settings.from_environment(settings.environment()) == settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LATENT_LAB_WORKERS", "many"),
        ("LATENT_LAB_WORKERS", "0"),
        ("LATENT_LAB_LIMIT_EPOCHS", "-3"),
        ("LATENT_LAB_LIMIT_PARAMETERS", "1e6"),
        ("LATENT_LAB_DATABASE_URL", "mysql://x"),
        ("LATENT_LAB_SCHEDULER", "localhost"),
    ],
)
def test_a_bad_value_is_a_sentence_that_names_the_variable(name, value):
    """What does not fit is refused with the variable's name, not with a traceback of something else."""
    with pytest.raises(AeError, match=name):
        Settings.from_environment({name: value})


def test_a_refusal_names_the_limit_its_value_and_its_variable():
    """Whoever meets a limit learns how to raise it."""
    with pytest.raises(LimitError, match=r"6,000,000.*5,000,000.*LATENT_LAB_LIMIT_PARAMETERS"):
        Limits().check("parameters", 6_000_000)
    Limits().check("parameters", 5_000_000)
