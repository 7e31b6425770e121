"""A study in pictures, drawn by `optuna.visualization` and put into the reader's words."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import optuna
import optuna.visualization as draw
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from ae_core.plots.palette import PALETTE
from ae_core.tuning.plan import StudyPlan
from ae_core.tuning.study import rebuilt
from ae_core.tuning.trials import Trial, ranked

Chart = Literal["history", "intermediate", "parallel", "importances", "slice", "contour", "pareto", "timeline"]
CHARTS: tuple[Chart, ...] = get_args(Chart)
MOST_LINES = 30  # trials in a picture of lines, the best ones
STATE_COLOURS = {"COMPLETE": PALETTE[0], "PRUNED": PALETTE[1], "FAIL": PALETTE[3], "RUNNING": PALETTE[2]}
BEST, WORST, NEUTRAL = PALETTE[3], "#8a97a8", "#7f7f8a"  # each seen on a light ground and on a dark one
HEIGHT = 380  # pixels, as the margins
MARGIN = {"t": 40, "b": 40, "r": 10}
WIDE = 60  # room for numbers to the left of the first axis
ABOVE = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}  # beside a picture there is no room on a phone


@dataclass(frozen=True)
class View:
    """What a reader wants to see of a study. objective: the number of the one that is shown. parameters: those that
    slices, contours and parallel coordinates are about, by their names in the plan. words: what stands in the picture,
    by Optuna's English; parameters by their names, objectives by theirs. reference: a value to compare with.
    """

    plan: StudyPlan
    name: str
    trials: Sequence[Trial]
    words: Mapping[str, str]
    objective: int = 0
    parameters: Sequence[str] = field(default=())
    reference: float | None = None

    def said(self, word: str) -> str:
        """The word as the reader knows it."""
        return self.words.get(word, word)

    @property
    def target(self) -> str:
        """What the shown objective is called."""
        return self.said(self.plan.objectives[self.objective])

    def study(self, trials: Sequence[Trial] | None = None) -> optuna.Study:
        """Optuna's study of these trials, parameters called as the reader calls them."""
        return rebuilt(self.plan, self.name, self.trials if trials is None else trials, self.said)

    def asked(self) -> list[str] | None:
        """The chosen parameters that some complete trial has; None for whatever there is."""
        known = {name for trial in self.trials if trial.state == "complete" for name in trial.params}
        return [self.said(name) for name in self.parameters if name in known] or None

    def value(self, trial: optuna.trial.FrozenTrial) -> float:
        """The shown objective of a trial of Optuna's."""
        return float(trial.values[self.objective])


def charts(plan: StudyPlan) -> list[Chart]:
    """The pictures that mean something for such a study."""
    two = len(plan.objectives) > 1
    return [name for name in CHARTS if name != ("intermediate" if two else "pareto")]


def picture(view: View, chart: Chart) -> go.Figure:
    """The chart; without a trial that has something to show it is an empty one with its axes."""
    return _in_words(DRAWINGS[chart](view), view)


def _history(view: View) -> go.Figure:
    figure = draw.plot_optimization_history(view.study(), target=_target(view), target_name=view.target)
    _add_given_up(figure, view)
    if figure.data and view.reference is not None and view.plan.objectives[view.objective] == "val_mse":
        figure.add_hline(view.reference, line_dash="dash", line_color=PALETTE[8], annotation_text="PCA")
    return figure


def _add_given_up(figure: go.Figure, view: View) -> None:
    """A mark for each trial that was given up, at its last report, or at the edge of what complete ones came to."""
    complete = [trial.values[0] for trial in view.trials if trial.state == "complete"]
    ended = [
        (number, list(trial.reports.values())[-1])
        for number, trial in enumerate(view.trials)
        if trial.state == "pruned" and trial.reports
    ]
    if not complete or not ended or not view.plan.prunes:
        return
    heights = [min(max(value, min(complete)), max(complete)) for _, value in ended]
    marker = {"symbol": "x", "size": 7}
    figure.add_scatter(x=[number for number, _ in ended], y=heights, mode="markers", name="PRUNED", marker=marker)


def _intermediate(view: View) -> go.Figure:
    shown = [trial for trial in _best(view) if trial.reports]
    figure = draw.plot_intermediate_values(view.study(shown))
    figure.update_layout(
        yaxis_title=view.target, xaxis_title="Step", yaxis_type="linear" if _below_zero(shown) else "log"
    )
    for line, trial in zip(figure.data, shown, strict=False):
        line.update(name=f"{trial.number}", line_dash="dot" if trial.state == "pruned" else "solid")
    return figure


def _below_zero(trials: Sequence[Trial]) -> bool:
    return any(value <= 0 for trial in trials for value in trial.reports.values())


def _best(view: View) -> list[Trial]:
    """The best complete trials, and the newest of the others, as many as lines can be told apart."""
    best = ranked(view.plan, view.trials)[:MOST_LINES]
    others = [trial for trial in view.trials if trial.state != "complete"]
    return sorted([*best, *others[-MOST_LINES // 2 :]], key=lambda trial: trial.number)


def _parallel(view: View) -> go.Figure:
    shown = ranked(view.plan, view.trials)[:MOST_LINES]
    study = view.study(shown)
    figure = draw.plot_parallel_coordinate(study, params=view.asked(), target=_target(view), target_name=view.target)
    return _on_any_ground(figure, view.plan.directions[view.objective] == "maximize")


def _on_any_ground(figure: go.Figure, larger_is_better: bool) -> go.Figure:
    """Lines from grey to the colour of the best, instead of blues of which the best would be lost in the dark. A line
    begins at its objective's share of the axis.
    """
    scale = [WORST, BEST] if larger_is_better else [BEST, WORST]
    for line in figure.data:
        if line.mode == "lines":
            line.update(line_color=sample_colorscale(scale, line.y[0])[0], opacity=0.8)
        else:
            line.update(marker={"colorscale": scale, "reversescale": False})
    figure.for_each_annotation(lambda one: one.update(font_color=NEUTRAL))
    return figure.update_layout(margin_l=WIDE)


def _importances(view: View) -> go.Figure:
    if len({trial.values for trial in view.trials if trial.state == "complete"}) < 2:
        return go.Figure(layout={"xaxis_title": "Hyperparameter Importance", "yaxis_title": "Hyperparameter"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it says that low values count as good, and here they are
        return draw.plot_param_importances(view.study(), target=_low_is_good(view), target_name=view.target)


def _slice(view: View) -> go.Figure:
    return draw.plot_slice(view.study(), params=view.asked(), target=_target(view), target_name=view.target)


def _contour(view: View) -> go.Figure:
    asked = view.asked()
    if asked is None or len(asked) < 2:
        return go.Figure()
    return draw.plot_contour(view.study(), params=asked[:2], target=_target(view), target_name=view.target)


def _pareto(view: View) -> go.Figure:
    names = [view.said(name) for name in view.plan.objectives]
    if not any(trial.state == "complete" for trial in view.trials):
        return go.Figure(layout={"xaxis_title": names[0], "yaxis_title": names[1]})
    return draw.plot_pareto_front(view.study(), target_names=names)


def _timeline(view: View) -> go.Figure:
    return draw.plot_timeline(view.study([trial for trial in view.trials if trial.started is not None]))


DRAWINGS: dict[Chart, Callable[[View], go.Figure]] = {
    "history": _history,
    "intermediate": _intermediate,
    "parallel": _parallel,
    "importances": _importances,
    "slice": _slice,
    "contour": _contour,
    "pareto": _pareto,
    "timeline": _timeline,
}


def _target(view: View) -> Callable[[optuna.trial.FrozenTrial], float] | None:
    """Optuna wants to be told which of two objectives it is; one it knows, and then counts pruned trials too."""
    return view.value if len(view.plan.objectives) > 1 else None


def _say_nothing_yet(figure: go.Figure, view: View) -> None:
    """Axes without numbers, for there is nothing to count, and a sentence."""
    figure.update_xaxes(showticklabels=False, showgrid=False, zeroline=False)
    figure.update_yaxes(showticklabels=False, showgrid=False, zeroline=False)
    middle = {"x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper", "showarrow": False}
    figure.add_annotation(text=view.said("Nothing yet"), font_color=NEUTRAL, **middle)


def _scale(part: Any) -> Any:
    """The bar beside the picture that tells what the colours of this part mean, None where it has none."""
    if "colorbar" in part and part.colorbar.title.text:
        return part.colorbar
    return part.marker.colorbar if "marker" in part and "colorbar" in part.marker else None


def _low_is_good(view: View) -> Callable[[optuna.trial.FrozenTrial], float] | None:
    """The shown one of two objectives, turned round if larger is better."""
    sign = -1 if view.plan.directions[view.objective] == "maximize" else 1
    return None if len(view.plan.objectives) == 1 else lambda trial: sign * view.value(trial)


def _in_words(figure: go.Figure, view: View) -> go.Figure:
    """The figure without a title and without English: axes, names of lines, and what there never is here."""
    figure.data = [part for part in figure.data if part.name != "Infeasible Trial"]
    for part in figure.data:
        if part.name in STATE_COLOURS:
            part.update(marker_color=STATE_COLOURS[part.name])
        if part.name:
            part.update(name=view.said(part.name))
        if (scale := _scale(part)) is not None and scale.title.text:
            scale.title.text = view.said(scale.title.text)
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        if axis.title.text:
            axis.title.text = view.said(axis.title.text)
    if not figure.data:
        _say_nothing_yet(figure, view)
    layout: dict[str, Any] = {
        "title": None,
        "height": HEIGHT,
        "width": None,
        "margin": {**MARGIN, "l": figure.layout.margin.l or 10},
        "legend": ABOVE,
        "plot_bgcolor": "rgba(0,0,0,0)",
    }
    return figure.update_layout(layout)
