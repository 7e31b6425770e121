"""Playground: choose data, shape the network, slide settings, train live."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ae_core import frames, services
from ae_core.compatibility import features
from ae_core.data import dataset_of
from ae_core.errors import AeError
from ae_core.network import for_others
from ae_core.plots.latent import draw_latent, latent_map
from ae_core.script import python_lines
from ae_core.sizes import parameter_count, seconds_per_epoch, steps_per_epoch
from ae_core.spec import MLP, MOST_CHANNELS, WIDEST, Code, Conv, RunSpec, Sequence, bound, to_url
from ae_core.starter import STARTER, STARTER_RUN
from ae_core.store import Run
from pages._ui import components, datasets, gallery, knobs, state
from pages._ui.converter import KEY, converter
from pages._ui.notices import notices_ui
from pages._ui.pins import pin_ui
from pages._ui.runs import SLOWER, run_list
from pages._ui.text import said, t

GOES_ON = ("queued", "running", "paused")
MOST_NAMED = 3  # changes that wait and are called by name


# ------------------------------------------------------------------------------------------------------- choose


def data_ui(spec: RunSpec) -> None:
    """The dataset cards, why this one, and the knobs of the chosen one."""
    datasets.cards_ui("data_kind", spec.data)
    st.caption(f"**{datasets.why(spec.data)}** {datasets.size(spec)}")
    st.page_link("data.py", label=t("data.all"), icon=":material/database:")
    with st.expander(t("data.settings"), key="data_drawer", on_change="rerun"):
        datasets.knobs_ui(spec)
        st.caption(datasets.origin(spec.data))


def learning_ui(spec: RunSpec) -> None:
    """The knobs of network, objective, optimiser and training."""
    level = st.segmented_control(
        t("section.level"),
        ("simple", "advanced"),
        default="simple",
        key=state.LEVEL,
        format_func=lambda name: t(f"section.{name}"),
        label_visibility="collapsed",
        width="stretch",
    )
    live = {"optimizer_learning_rate": state.act(_set_learning_rate)}
    keys = knobs.advanced(spec) if level == "advanced" else knobs.simple(spec)
    knobs.edit(spec, keys, live, {KEY: converter})


def hourglass_ui(spec: RunSpec) -> None:
    """The network to scale, and what it will cost."""
    record, model = dataset_of(spec.data), spec.model
    size = features(spec)
    fewest, most, widest = LIMITS[model.kind]
    shape = components.Shape(
        input={"size": size, "shape": list(record.shape(spec.data)), "form": record.form},
        kind=model.kind,
        hidden=model.sizes,
        latent=model.code.latent_dim,
        code=model.code.kind,
        min_layers=fewest,
        max_layers=most,
        widths_max=widest,
        latent_max=bound(Code, "latent_dim", "le"),
        parameters=parameter_count(spec),
        seconds_per_epoch=_seconds_per_epoch(spec),
    )
    components.hourglass(shape, state.act(_choose_hidden), state.act(_choose_latent))


# ----------------------------------------------------------------------------------------------------------- do


def transport_ui(spec: RunSpec, run: Run | None, mine: bool) -> None:
    """Train, pause, step, stop, reset: what a run can be told, each with a key."""
    status = run.status if run else "empty"
    active = mine and status in GOES_ON
    with st.container(key="transport", horizontal=True, gap="small", vertical_alignment="center"):
        _button("train", "play_arrow", "T", state.act(_train), kind="primary")
        _hold_ui(mine, status)
        _button("step", "skip_next", "S", state.act(_step), 1, disabled=active and status != "paused")
        _button(
            "step_epoch",
            "keyboard_double_arrow_right",
            "E",
            state.act(_step),
            steps_per_epoch(run.spec if run and active else spec),
            disabled=active and status != "paused",
        )
        _button("stop", "stop", "X", state.act(_command), "stop", disabled=not active)
        _button("reset", "restart_alt", "Z", state.act(_reset))
        _button("new_seed", "casino", "N", state.act(_new_seed))


def _hold_ui(mine: bool, status: str) -> None:
    """Pause or Resume: one button, so that the others stay under the finger when the run changes its state."""
    resumes = mine and status in ("paused", "stopped", "interrupted", "failed")
    verb = "resume" if resumes else "pause"
    can = resumes or (mine and status in GOES_ON)
    _button("hold", verb, "P", state.act(_command), verb, label=verb, disabled=not can)


def messages_ui(spec: RunSpec, run: Run | None, mine: bool) -> None:
    """What the reader should know: refusals, changes that wait, whose run this is, and how to recover."""
    try:
        _client().admit(spec)
    except AeError as error:
        state.notify("warning", said(error))
    notices_ui()
    engine = services.current().store.engine_state()["state"]
    if engine != "ready" and run is not None and run.status == "queued":
        st.info(t("notice.engine_starting" if engine == "starting" else "notice.engine_down"))
    if run is None:
        return
    if mine and run.status == "diverged":
        rate = run.learning_rate / SLOWER
        offer = t("rescue.offer", step=run.checkpointed_step, rate=f"{rate:g}")
        st.button(offer, key="rescue", icon=":material/undo:", on_click=state.act(_rescue), args=(rate,))


def model_ui(spec: RunSpec, run: Run | None, mine: bool) -> None:
    """Which autoencoder this is, and how far the run on the stage is from it."""
    with st.container(key="model_line", horizontal=True, gap="small", vertical_alignment="center"):
        gallery.line(spec)
        st.page_link("sweep.py", label=t("sweep.go"), icon=":material/grid_view:")
        if run is None:
            return
        st.page_link("explore.py", label=t("explore.go"), icon=":material/explore:", query_params={"run": run.id})
        pin_ui(run)
        if not mine:
            st.caption(t("stageword.starter" if run.id == STARTER_RUN else "stageword.other_run"))
        elif keys := knobs.waiting(spec, run.spec):
            names = ", ".join(knobs.label(key) for key in keys)
            said = "one" if len(keys) == 1 else "many" if len(keys) <= MOST_NAMED else "some"
            waiting = t(f"transport.waiting_{said}", count=len(keys), names=names)
            st.caption(f":orange[●] {waiting}")


def _button(
    key: str,
    icon: str,
    shortcut: str,
    deed: object,
    *args: object,
    kind: str = "secondary",
    label: str = "",
    disabled: bool = False,
) -> None:
    st.button(
        t(f"transport.{label or key}"),
        key=key,
        icon=f":material/{icon}:",
        type=kind,
        shortcut=shortcut,
        disabled=disabled,
        on_click=deed,
        args=args,
    )


# ------------------------------------------------------------------------------------------- what buttons bring about


def _train() -> None:
    """A new run of the experiment on the knobs, in place of the one that trains; or the untouched one on the stage
    goes on.
    """
    spec, run = state.spec(), state.current_run()
    if run and run.owner == state.owner() and run.spec == spec and run.status == "paused" and run.step == 0:
        _client().command(run.id, state.owner(), "resume")
    else:
        _stop_mine(run)
        state.open_run(_client().start_run(spec, state.owner()))


def _step(count: int) -> None:
    """So many batches of the paused run, or of a new one that then waits."""
    run = state.current_run()
    if not (run and run.owner == state.owner() and run.status == "paused"):
        _fresh()
        run = state.current_run()
    if run:
        _client().command(run.id, state.owner(), "step", steps=count)


def _reset() -> None:
    """The same starting weights again, before the first step."""
    run = state.current_run()
    mine = run is not None and run.owner == state.owner()
    if run and mine and run.step == 0 and run.status == "paused" and run.spec == state.spec():
        return
    _stop_mine(run)
    _fresh()


def _stop_mine(run: Run | None) -> None:
    """The run that leaves the stage does not train on unseen."""
    if run and run.owner == state.owner() and run.status in GOES_ON:
        _client().command(run.id, state.owner(), "stop")


def _new_seed() -> None:
    """The next seed, and its starting weights on the stage."""
    state.change({"training_seed": (state.spec().training.seed + 1) % 2**31})
    _reset()


def _fresh() -> None:
    state.open_run(_client().start_run(state.spec(), state.owner(), paused=True))


def _command(verb: str) -> None:
    run = state.current_run()
    if run:
        _client().command(run.id, state.owner(), verb)


def _rescue(rate: float) -> None:
    """From the last good state on, more carefully."""
    run = state.current_run()
    if run:
        state.change({"optimizer_learning_rate": rate})
        _client().command(run.id, state.owner(), "resume", learning_rate=rate)


def _set_learning_rate() -> None:
    """The one setting that changes a run while it trains."""
    run = state.current_run()
    if run and run.owner == state.owner() and run.status in GOES_ON:
        _client().command(run.id, state.owner(), "set", learning_rate=state.spec().optimizer.learning_rate)


def _choose_hidden() -> None:
    state.change(SHAPED[state.spec().model.kind](tuple(state.value("model_hidden")["hidden"])))


def _choose_latent() -> None:
    state.change({"model_code_latent_dim": state.value("model_hidden")["latent"]})


# --------------------------------------------------------------------------------------------------------- show


def closer_ui(run: Run | None) -> None:
    """The latent map of a run that stands still, as a chart to zoom, select and save."""
    if run is None or run.status in ("queued", "running") or not st.toggle(t("closer.title"), key="closer"):
        return
    store = services.current().store
    introduction, newest = store.introduction(run.id), store.snapshot_after(run.id, 0)
    if introduction is None or newest is None:
        return
    facts, fixed = frames.decode(introduction)
    found = latent_map(fixed, frames.decode(newest[1])[1], facts["label_names"])
    axis = t("closer.component" if facts["projection"] == "pca" else "closer.axis")
    figure = draw_latent(found, {"axis": axis, "class": t("closer.class")})
    st.plotly_chart(figure, key="closer_chart", alt=t("alt.latent"))


def share_ui(spec: RunSpec, run: Run | None) -> None:
    """Links to send, the run in Python, and its files."""
    address = for_others((st.context.url or "").split("?")[0], st.config.get_option("server.address"))
    shown, rates = (run.spec, state.store().rates_set(run.id)) if run else (spec, [])
    drawer = st.expander(t("share.title"), icon=":material/share:", key="share_drawer", on_change="rerun")
    if not drawer.open:
        return
    with drawer:
        if run:
            st.caption(t("share.link"))
            st.code(f"{address.rstrip('/')}/?run={run.id}", language=None)
        st.caption(t("share.settings_link"))
        query = "&".join(f"{key}={value}" for key, value in to_url(spec, STARTER).items())
        st.code(f"{address.rstrip('/')}/?{query}" if query else address, language=None)
        st.caption(f"{t('share.python')}. {t('share.python_help')}")
        st.code(python_lines(shown, rates), language="python")
        if run and run.metrics:
            st.link_button(t("share.weights"), f"{address.rstrip('/')}/api/runs/{run.id}/files/weights.safetensors")


def _seconds_per_epoch(spec: RunSpec) -> float | None:
    """From the speed that the engine measured of itself; None until it has."""
    facts = services.current().store.engine_state()["facts"]
    return seconds_per_epoch(spec, facts) if facts else None


LIMITS = {
    "mlp": (0, bound(MLP, "hidden", "max_length"), WIDEST),
    "conv": (bound(Conv, "channels", "min_length"), bound(Conv, "channels", "max_length"), MOST_CHANNELS),
    "sequence": (bound(Sequence, "layers", "ge"), bound(Sequence, "layers", "le"), bound(Sequence, "width", "le")),
}
"""Of each kind of network on the hourglass: fewest layers, most layers, widest layer."""

SHAPED: dict[str, Callable[[tuple[int, ...]], dict[str, object]]] = {
    "mlp": lambda sizes: {"model_hidden": sizes},
    "conv": lambda sizes: {"model_channels": sizes},
    "sequence": lambda sizes: {"model_width": sizes[0], "model_layers": len(sizes)},
}
"""Which settings the hourglass changes, from the sizes of its layers."""


def _client():
    return services.current().client


@st.fragment
def bench_ui() -> None:
    """Transport, network and stage. A button here redraws only this, so that a new run is on the stage at once."""
    spec, run = state.spec(), state.current_run()
    mine = run is not None and run.owner == state.owner()
    with st.container(key="bench", gap="xsmall"):
        bar, above, picture = st.container(key="bar"), st.container(gap="xsmall"), st.container()
    with picture:  # first of all
        components.stage(run.id if run else None, run.status if run else "empty", lambda: None)
    with bar:
        transport_ui(spec, run, mine)
    with above:
        model_ui(spec, run, mine)
        hourglass_ui(spec)
        messages_ui(spec, run, mine)
    gallery.dialogs(spec)
    if state.behind(run):
        st.rerun()


def page() -> None:
    """The whole page, from what is watched to what is set."""
    state.settle()
    bench_ui()
    spec, run = state.spec(), state.current_run()
    closer_ui(run)
    run_list(run)
    share_ui(spec, run)
    with st.sidebar:
        st.header(t("section.data"))
        data_ui(spec)
        st.header(t("section.learning"))
        learning_ui(spec)
        knobs.badges(spec, run.spec if run and run.owner == state.owner() else None)
    state.link(spec)


page()
