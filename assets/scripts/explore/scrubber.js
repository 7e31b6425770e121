/* The epochs: one slider moves every view back through the run. */

const PACE = 220; // ms a milestone is shown while playing

/** Play button, slider and words of the scrubber in this element. */
export function scrubber(K, element) {
  const { state } = K;
  const play = element.querySelector("button"), slider = element.querySelector("input"), clock = element.querySelector("output");
  let timer = 0;

  const at = () => state.values.milestones.findIndex((kept) => kept.step === state.values.step);
  const go = (index) => {
    const { milestones } = state.values, last = milestones.length - 1;
    const place = Math.min(Math.max(index, 0), last);
    if (last >= 0) state.set({ step: milestones[place].step, follows: place === last });
  };
  const stop = () => { clearInterval(timer); timer = 0; draw(); };

  function turn() {
    // the next picture waits until this one is there, so that all views show the same step
    if (K.root.dataset.ready !== "true") return;
    if (at() >= state.values.milestones.length - 1) stop(); else go(at() + 1);
  }

  function draw() {
    const { milestones, step } = state.values, here = milestones[at()];
    slider.max = Math.max(milestones.length - 1, 0);
    slider.value = Math.max(at(), 0);
    slider.disabled = play.disabled = milestones.length < 2;
    clock.textContent = here ? K.say("clock", { epoch: K.num(here.epoch), step: step.toLocaleString(K.copy.locale) }) : "";
    slider.setAttribute("aria-valuetext", clock.textContent);
    play.setAttribute("aria-pressed", Boolean(timer));
    play.dataset.tLabel = timer ? "stop_playing" : "play";
    play.setAttribute("aria-label", K.say(play.dataset.tLabel));
    play.title = K.say(play.dataset.tLabel);
    play.classList.toggle("ex-on", Boolean(timer));
  }

  slider.addEventListener("input", () => { const place = Number(slider.value); stop(); go(place); });
  play.addEventListener("click", () => {
    if (timer) return stop();
    if (at() >= state.values.milestones.length - 1) go(0);
    timer = setInterval(turn, PACE);
    draw();
  });
  K.on(["milestones", "step", "frame"], draw);
  K.ends.push(() => clearInterval(timer));
  draw();
}
