"""The playground, driven without a browser by Streamlit's own AppTest."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from ae_core import services
from ae_core.data import DATASETS
from ae_core.source import source
from ae_core.spec import changed, in_effect, read, to_url
from ae_core.starter import STARTER
from ae_core.variants import VARIANTS, turn_into
from tests.pages.opened import clean


@pytest.fixture
def page(visitor) -> AppTest:
    """The playground of a new visitor, not opened yet."""
    return visitor


def runs(app: AppTest):
    """The runs of this visitor, newest first."""
    return services.current().store.runs_of(app.session_state["_owner"])


def test_opens_with_every_transport_button_and_the_beginner_knobs(page):
    """A first visitor sees Train and the knobs that beginners need, and no error."""
    clean(page.run())

    assert {"train", "hold", "step", "stop", "reset", "new_seed"} <= {button.key for button in page.button}
    assert page.select_slider(key="optimizer_learning_rate").value == STARTER.optimizer.learning_rate
    assert not page.error


def test_train_starts_a_run_of_exactly_what_the_knobs_say(page):
    """Pressing Train writes one run with the experiment that is on the knobs, and the link names it."""
    page.run()
    page.select_slider(key="training_batch_size").set_value(128).run()
    clean(page.button(key="train").click().run())

    (run,) = runs(page)
    assert run.spec == changed(STARTER, {"training_batch_size": 128})
    assert page.query_params["run"] == run.id


def test_a_link_with_settings_puts_them_on_the_knobs(page):
    """Settings in the address arrive on the widgets."""
    page.query_params["training_epochs"] = "50"
    page.query_params["model_code_kind"] = "variational"
    page.query_params["model_code_beta"] = "4"
    clean(page.run())

    assert page.select_slider(key="training_epochs").value == 50
    assert page.select_slider(key="model_code_beta").value == 4


@pytest.mark.parametrize(
    ("key", "hostile"),
    [
        ("optimizer_learning_rate", "1e9"),
        ("training_batch_size", "<script>alert(1)</script>"),
        ("data_kind", "../../etc/passwd"),
        ("model_hidden", "9" * 2000),
        ("training_seed", "-1"),
        ("model_code_latent_dim", "nan"),
    ],
)
def test_a_hostile_link_is_named_and_the_usual_value_used(page, key, hostile):
    """A value that is refused is told in a sentence, and the page works as usual."""
    page.query_params[key] = hostile
    clean(page.run())

    assert len(page.warning) == 1
    clean(page.button(key="train").click().run())
    assert runs(page)[0].spec == STARTER


def test_an_unknown_run_is_said_and_the_starter_shown(page):
    """A link to a run that does not exist leads to a sentence, not to an error."""
    page.query_params["run"] = "no-such-run"
    clean(page.run())

    assert len(page.warning) == 1


def test_choices_that_exclude_each_other_are_refused_with_a_sentence(page):
    """bce on standardised points is refused on Train, and nothing is lost."""
    page.query_params["data_kind"] = "moons"
    page.query_params["objective_reconstruction"] = "bce"
    page.run()
    clean(page.button(key="train").click().run())

    assert "minmax" in page.error[0].value
    assert page.selectbox(key="objective_reconstruction").value == "bce"


@pytest.mark.parametrize("kind", DATASETS)
@pytest.mark.parametrize("code", ["point", "variational"])
def test_every_setting_can_be_drawn_for_every_dataset(page, kind, code):
    """With all settings shown, each dataset's knobs and each code's appear without an error."""
    page.query_params["data_kind"] = kind
    page.query_params["model_code_kind"] = code
    page.run()
    clean(page.button_group(key="level").set_value("advanced").run())

    drawn = {
        widget.key for widget in (*page.select_slider, *page.slider, *page.selectbox, *page.toggle, *page.number_input)
    }
    wanted = {leaf.key for leaf in in_effect(changed(STARTER, {"data_kind": kind, "model_code_kind": code}))}
    assert wanted - drawn == {"data_kind", "model_hidden", "schedules"}


def test_every_setting_of_a_convolutional_network_can_be_drawn(page):
    """Its knobs appear, and its feature maps on the hourglass instead of neurons."""
    page.query_params["model_kind"] = "conv"
    page.run()
    clean(page.button_group(key="level").set_value("advanced").run())

    drawn = {widget.key for widget in (*page.selectbox, *page.toggle, *page.slider, *page.select_slider)}
    wanted = {leaf.key for leaf in in_effect(changed(STARTER, {"model_kind": "conv"})) if leaf.key.startswith("model_")}
    assert wanted - drawn == {"model_channels"}
    clean(page.button(key="train").click().run())
    assert runs(page)[0].spec.model.kind == "conv"


def test_a_network_that_cannot_take_the_items_is_refused_in_a_sentence(page):
    """A link may ask for convolutions on a table: the page stands, and says what to do."""
    page.query_params.update({"model_kind": "conv", "data_kind": "wine"})
    clean(page.run())
    assert any("expects pictures" in warning.value for warning in page.warning)


def test_a_network_too_large_for_this_place_is_refused_before_train(page, monkeypatch):
    """The limit is named while the knobs are moved, not after a click."""
    monkeypatch.setenv("LATENT_LAB_LIMIT_PARAMETERS", "100")
    clean(page.run())

    assert any("LATENT_LAB_LIMIT_PARAMETERS" in warning.value for warning in page.warning)


def test_step_without_a_run_makes_one_that_waits(page):
    """Step on the starter creates a paused run of one's own and asks for one batch."""
    page.run()
    clean(page.button(key="step").click().run())

    (run,) = runs(page)
    assert run.status == "queued"


def test_new_seed_moves_the_knob_and_resets(page):
    """New seed draws the next seed, shows it on its knob, and puts the new starting weights on the stage."""
    page.run()
    clean(page.button(key="new_seed").click().run())

    assert page.number_input(key="training_seed").value == 1
    assert runs(page)[0].spec.training.seed == 1


def test_what_the_browser_sends_before_it_knows_of_a_change_does_not_undo_it(page, monkeypatch):
    """A message that still holds a widget's former value leaves the new one; any other value is the reader's."""
    monkeypatch.setattr("pages._ui.state.IN_FLIGHT", 1e9)
    seed = page.run().number_input(key="training_seed").value
    page.button(key="new_seed").click().run()
    page.number_input(key="training_seed").set_value(seed).run()
    assert page.number_input(key="training_seed").value == seed + 1

    page.number_input(key="training_seed").set_value(seed + 7).run()
    assert page.number_input(key="training_seed").value == seed + 7

    page.number_input(key="training_seed").set_value(seed).run()
    assert page.number_input(key="training_seed").value == seed


def test_what_the_browser_still_sends_is_known_though_it_is_no_stop_any_more(page, monkeypatch):
    """A value between the slider's stops, which Streamlit would take for the first stop once it is offered no more."""
    monkeypatch.setattr("pages._ui.state.IN_FLIGHT", 1e9)
    page.query_params.update({"model_code_kind": "variational", "model_code_beta": "0.3"})
    page.session_state["converter"] = True
    page.run()
    clean(page.button(key="converter_use").click().run())
    chosen = page.select_slider(key="model_code_beta").value
    assert chosen != 0.3

    clean(page.select_slider(key="model_code_beta").set_value(0.3).run())
    assert page.select_slider(key="model_code_beta").value == chosen


def one_knob():
    """A script of one knob, whose browser still sends a choice of before, as the text that was shown."""
    import streamlit as st

    from pages._ui import state

    state.open_session()
    st.session_state["_former"] = {"objective_reconstruction": state.Former("mse", ("bce",))}
    st.session_state["objective_reconstruction"] = "yes or no, as it was called"
    st.text(state.spec().objective.reconstruction)
    st.text(st.session_state["objective_reconstruction"])
    st.text(str(st.session_state["_notices"]))


def test_a_choice_that_is_none_any_more_is_not_the_readers(page):
    """Streamlit hands on what it cannot find among the options as the text that the browser sent."""
    found = clean(AppTest.from_function(one_knob, default_timeout=30).run())

    assert [text.value for text in found.text] == ["mse", "mse", "[]"]


def test_a_knob_can_be_set_back_once_the_browser_has_heard(page, monkeypatch):
    """A button's change does not forbid the value before it for good."""
    monkeypatch.setattr("pages._ui.state.IN_FLIGHT", 0.0)
    seed = page.run().number_input(key="training_seed").value
    page.button(key="new_seed").click().run()
    page.number_input(key="training_seed").set_value(seed).run()

    assert page.number_input(key="training_seed").value == seed


def test_the_other_language_is_complete(page):
    """Switching to Chinese changes the buttons and leaves nothing untranslated or broken."""
    page.run()
    clean(page.button_group(key="language").set_value("zh").run())

    assert page.button(key="train").label == "训练"


def test_the_settings_tell_the_model(page):
    """The line above the network names the variant that the settings make, and follows them."""
    page.query_params["model_code_kind"] = "variational"
    clean(page.run())
    assert "Variational" in page.button(key="model").label

    clean(page.select_slider(key="model_code_beta").set_value(5.0).run())
    assert "Beta-VAE" in page.button(key="model").label


@pytest.mark.parametrize("name", ["linear", "beta_vae"])
def test_a_card_opens_and_its_settings_can_be_used(page, name):
    """A variant's card shows formula, paper and code, and puts its own settings back on the knobs."""
    spec = turn_into(name, STARTER)
    page.query_params.update({**to_url(spec, STARTER), "objective_weight_l1": "0.001"})
    clean(page.run())
    clean(page.button(key="model_card").click().run())

    record = VARIANTS[name]
    assert page.latex[0].value.strip("$ \n") == record.formula
    assert any(record.link in text.value for text in page.markdown)
    assert [block.value for block in page.code if block.language == "python"] == [source(at) for at in record.code]

    clean(page.button(key="model_use").click().run())
    assert not page.latex
    assert read(page.session_state["_spec"]) == spec


def test_the_panel_shows_what_the_model_uses_its_own_settings_first(page):
    """A sparse code shows its weight before everything else; momentum and amounts of no damage are nowhere."""
    page.query_params.update(to_url(turn_into("sparse_l1", STARTER), STARTER))
    page.run()
    keys = {leaf.key for leaf in in_effect(STARTER) if leaf.path[0] != "data"}
    simple = [key for node in page.sidebar if (key := getattr(node, "key", None)) in keys]
    assert simple[:4] == [*VARIANTS["sparse_l1"].knobs, "optimizer_kind", "optimizer_learning_rate"]

    clean(page.button_group(key="level").set_value("advanced").run())
    drawn = {widget.key for widget in (*page.select_slider, *page.slider, *page.selectbox)}
    assert {"objective_code_l1", "objective_weight_l1"} <= drawn
    assert drawn.isdisjoint({"optimizer_momentum", "objective_corruption_level", "objective_sparsity_target"})


def test_a_number_follows_a_schedule_and_stands_still_again(page):
    """The drawer beside beta makes it move, shapes the course, and gives the slider back."""
    page.query_params.update({"model_code_kind": "variational", "model_code_beta": "4"})
    page.run()
    page.session_state["moves_model_code_beta"] = True
    clean(page.run())
    clean(page.toggle(key="plan_model_code_beta_on").set_value(True).run())
    clean(page.selectbox(key="plan_model_code_beta_way").set_value("cyclic").run())
    clean(page.number_input(key="plan_model_code_beta_end").set_value(2.0).run())
    assert page.query_params["schedules"] == "model_code_beta~cyclic~0~2~1~4"
    assert "model_code_beta" not in {slider.key for slider in page.select_slider}

    clean(page.toggle(key="plan_model_code_beta_on").set_value(False).run())
    assert "schedules" not in page.query_params
    assert page.select_slider(key="model_code_beta").value == 4


def test_beta_is_converted_and_used(page):
    """The drawer beside beta answers what somebody else's weight is here, and puts it on the slider."""
    page.query_params["model_code_kind"] = "variational"
    page.run()
    page.session_state["converter"] = True
    clean(page.run())
    clean(page.number_input(key="converter_features").set_value(12288).run())
    clean(page.button(key="converter_use").click().run())
    assert page.select_slider(key="model_code_beta").value == pytest.approx(1.536)


def test_the_gallery_opens_and_stays_open_when_the_page_is_drawn_again(page):
    """A run that ends behind the gallery does not close it."""
    page.run()
    clean(page.button(key="model").click().run())
    assert page.session_state["_dialog"] == "gallery"
    clean(page.run())
    assert page.session_state["_dialog"] == "gallery"
