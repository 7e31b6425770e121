// Cards with thumbnails, of which one is chosen: a radio group, so arrow keys move the choice.
// data: {label, chosen, cards: [{id, title, note, image, missing}]}. State: `chosen`, an id.

export default function ({ data, parentElement, setStateValue }) {
  const group = parentElement.querySelector(".ll-cards");
  group.setAttribute("aria-label", data.label);
  const signature = JSON.stringify(data.cards);
  if (group.dataset.signature !== signature) {
    group.replaceChildren(...data.cards.map(card));
    group.dataset.signature = signature;
  }
  mark(group, data.chosen);

  const choose = (button) => {
    if (!button || button.disabled || button.getAttribute("aria-checked") === "true") return;
    mark(group, button.dataset.id);
    setStateValue("chosen", button.dataset.id);
  };
  group.onclick = (event) => choose(event.target.closest(".ll-card"));
  group.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const open = [...group.querySelectorAll(".ll-card:not([disabled])")];
    const now = open.findIndex((button) => button.getAttribute("aria-checked") === "true");
    const next = open[(now + step + open.length) % open.length];
    next.focus();
    choose(next);
  };
  return () => {
    group.onclick = group.onkeydown = null;
  };
}

function card({ id, title, note, image, missing }) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "ll-card";
  button.setAttribute("role", "radio");
  button.dataset.id = id;
  button.dataset.testid = `dataset-${id}`;
  button.title = note;
  button.disabled = missing;
  const picture = document.createElement("img");
  picture.src = image;
  picture.alt = "";
  const name = document.createElement("span");
  name.textContent = title;
  button.append(picture, name);
  return button;
}

function mark(group, chosen) {
  for (const button of group.querySelectorAll(".ll-card")) {
    const on = button.dataset.id === chosen;
    button.setAttribute("aria-checked", String(on));
    button.tabIndex = on ? 0 : -1;
  }
}
