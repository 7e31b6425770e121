// Cards, of which one is chosen: a radio group, so arrow keys move the choice. With an image the note is shown on hover,
// without one it stands on the card.
// data: {label, chosen, shelves: [{title, cards: [{id, title, note, image, away}]}], prefix}. Trigger: `chosen`, an id.
// Arrow keys choose at once among pictures; among texts, whose choice closes the gallery, they only move.

export default function ({ data, parentElement, setTriggerValue }) {
  const group = parentElement.querySelector(".ll-cards");
  group.setAttribute("aria-label", data.label);
  const signature = JSON.stringify(data.shelves);
  if (group.dataset.signature !== signature) {
    group.replaceChildren(...data.shelves.map((one) => shelf(one, data.prefix)));
    group.dataset.signature = signature;
  }
  mark(group, data.chosen);
  if (group.dataset.seen !== data.chosen) reveal(group);
  group.dataset.seen = data.chosen;

  const choose = (button) => {
    if (!button || button.getAttribute("aria-checked") === "true") return;
    mark(group, button.dataset.id);
    setTriggerValue("chosen", button.dataset.id);
  };
  group.onclick = (event) => choose(event.target.closest(".ll-card"));
  group.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const open = [...group.querySelectorAll(".ll-card")];
    const now = open.indexOf(event.target.closest(".ll-card"));
    const next = open[(now + step + open.length) % open.length];
    next.focus();
    if (next.querySelector("img")) choose(next);
  };
  return () => {
    group.onclick = group.onkeydown = null;
  };
}

function shelf({ title, cards }, prefix) {
  const box = document.createElement("section");
  if (title) box.append(element("h4", title));
  const row = element("div");
  row.className = cards.every((one) => one.image) ? "ll-row" : "ll-row ll-texts";
  row.append(...cards.map((one) => card(one, prefix)));
  box.append(row);
  return box;
}

function element(tag, text = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function card({ id, title, note, image, away }, prefix) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "ll-card";
  button.setAttribute("role", "radio");
  button.dataset.id = id;
  button.dataset.testid = `${prefix}-${id}`;
  button.classList.toggle("ll-away", away);
  if (!image) {
    button.append(element("b", title), element("span", note));
    return button;
  }
  button.title = note;
  const picture = document.createElement("img");
  picture.src = image;
  picture.alt = "";
  button.append(picture, element("span", title));
  return button;
}

/** Where the cards scroll by themselves, the chosen one is brought into their window; the page stays where it is. */
function reveal(group) {
  const card = group.querySelector('[aria-checked="true"]');
  if (!card || group.scrollHeight <= group.clientHeight) return;
  const above = card.offsetTop, below = above + card.offsetHeight + 24;
  if (above < group.scrollTop || below > group.scrollTop + group.clientHeight) group.scrollTop = Math.max(0, above - 30);
}

function mark(group, chosen) {
  for (const button of group.querySelectorAll(".ll-card")) {
    const on = button.dataset.id === chosen;
    button.setAttribute("aria-checked", String(on));
    button.tabIndex = on ? 0 : -1;
  }
  if (!group.querySelector('[tabindex="0"]')) group.querySelector(".ll-card").tabIndex = 0;
}
