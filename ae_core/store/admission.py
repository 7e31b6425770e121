"""Whether one more run may wait or train: a browser's share, and what this machine takes in all."""

from __future__ import annotations

import sqlalchemy as sa

from ae_core.settings import Limits
from ae_core.store.records import ACTIVE
from ae_core.store.tables import runs


def admit(db: sa.Connection, owner: str, limits: Limits, parameters: int, more: int = 0) -> None:
    """Raises LimitError if one more active run of so many parameters, or `more` stored ones, are too many."""
    is_active = runs.c.status.in_(ACTIVE)
    mine = sa.select(sa.func.count(), sa.func.count().filter(is_active)).where(runs.c.owner == owner)
    stored, active = db.execute(mine).one()
    all_active = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(runs.c.parameters), 0)).where(is_active)
    everybody, learned = db.execute(all_active).one()
    if stored + more > limits.runs_per_client:
        raise limits.refusal("runs_per_client", f"You have {stored} runs; delete some first")
    if active >= limits.active_per_client:
        raise limits.refusal("active_per_client", f"{active} of your runs wait or train; pause or stop one first")
    if everybody >= limits.active_total:
        raise limits.refusal("active_total", f"{everybody} runs wait or train; try again in a minute")
    if learned + parameters > limits.active_parameters:
        said = f"The runs that wait or train learn {learned:,} numbers, and this one {parameters:,} more"
        raise limits.refusal("active_parameters", said)
