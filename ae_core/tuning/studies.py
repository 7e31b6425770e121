"""What the web process does with studies: start one, stop it, let it go on, ask for more."""

from __future__ import annotations

from ae_core.engine.client import Client
from ae_core.errors import SpecError
from ae_core.store import Store
from ae_core.tuning.plan import MOST_TRIALS, StudyPlan, read_plan
from ae_core.tuning.space import check_plan


def start_study(client: Client, plan: StudyPlan, owner: str, title: str = "") -> str:
    """A new study's id; the engine takes it up within a moment.

    Raises SpecError for a plan that does not fit its experiment, or an experiment that cannot be run here, and
    LimitError for one study too many.
    """
    client.admit(plan.base)
    check_plan(plan)
    groups = client.store.groups
    searching = sum(group.state == "open" for group in groups.of(owner, "study"))
    limits = client.settings.limits
    if searching >= limits.studies_per_client:
        raise limits.refusal("studies_per_client", f"{searching} of your studies are searching; stop one first")
    return groups.add("study", owner, plan.model_dump(mode="json"), title)


def stop_study(store: Store, study: str, owner: str) -> None:
    """No new trials; those that train wait. Raises UnknownGroup, NotYours."""
    if store.groups.own(study, owner).state == "open":
        store.groups.set_state(study, "stopped")


def go_on(store: Store, study: str, owner: str, trials: int = 0, minutes: float = 0.0) -> None:
    """A study that was stopped or is done searches on, with so much more than its budget was; waiting trials train on.

    Raises UnknownGroup, NotYours, and SpecError for more trials than a study may have.
    """
    group = store.groups.own(study, owner)
    plan = read_plan(group.plan)
    budget: dict[str, float | None] = {
        "trials": plan.trials + trials,
        "minutes": plan.minutes and plan.minutes + minutes,
    }
    if plan.trials + trials > MOST_TRIALS:
        raise SpecError(f"A study has at most {MOST_TRIALS} trials, got {plan.trials + trials}. Start another one.")
    store.groups.set_plan(study, {**group.plan, **budget, "note": ""})
    store.groups.set_state(study, "open")
