/* A board to draw a dataset on: points in the square from -1 to 1, of up to five classes. Nothing is sent while one draws.
 * data: {key, copy, palette: {light, dark}, markers, least, most, seed}; seed: of the spray, or null for another every time.
 * Trigger: `drawn`, {points: [[x, y, class], ...]}. The drawing is kept for this tab, so that it outlives reruns, visits of
 * other pages and a reload. */

const EDGE = 10, DOT = 3.2, STEP = 0.05, FINE = 0.01, UNDOS = 60, REACH = 0.05;
const TOOLS = { spray: "s", dot: "d", erase: "e" };

/** The words for a key, with {name} replaced. */
function say(S, key, values = {}) {
  return (S.data.copy?.[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

const num = (S, value) => value.toLocaleString(S.data.copy?.locale || undefined);
const round = (value) => Math.round(value * 1e4) / 1e4;
const inside = (x, y) => Math.abs(x) <= 1 && Math.abs(y) <= 1;

/** Numbers in 0..1 that are the same for the same seed (mulberry32). */
function chance(seed) {
  let a = (seed ?? Math.random() * 2 ** 32) >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A place near (x, y), no farther than the radius, every place as likely. */
function near(random, x, y, radius) {
  const r = radius * Math.sqrt(random()), turn = 2 * Math.PI * random();
  return [x + r * Math.cos(turn), y + r * Math.sin(turn)];
}

// ------------------------------------------------------------------------------------------------- shapes to start from

/** `count` points of class c along a curve t -> [x, y], t in 0..1, jittered. */
function along(random, count, c, curve, radius = 0.035) {
  return Array.from({ length: count }, (_, i) => [...near(random, ...curve((i + random()) / count), radius), c]);
}

const arc = (x, y, r, from = 0, to = 1) => (t) => { const a = 2 * Math.PI * (from + t * (to - from)); return [x + r * Math.cos(a), y + r * Math.sin(a)]; };

/** The pixels of a word, each letter a class. */
function letters(random, word, count) {
  const side = 120, canvas = Object.assign(document.createElement("canvas"), { width: side, height: side }), ctx = canvas.getContext("2d", { willReadFrequently: true });
  const found = [], room = (side * 0.94) / word.length;
  Object.assign(ctx, { textAlign: "center", textBaseline: "middle", font: `800 ${Math.round(room * 1.28)}px system-ui, sans-serif` });
  [...word].forEach((letter, c) => {
    ctx.clearRect(0, 0, side, side);
    ctx.fillText(letter, side * 0.03 + room * (c + 0.5), side / 2, room);
    const { data } = ctx.getImageData(0, 0, side, side), ink = [];
    for (let i = 0; i < side * side; i++) if (data[4 * i + 3] > 127) ink.push(i);
    for (let k = 0; k < count && ink.length; k++) {
      const i = ink[Math.floor(random() * ink.length)];
      found.push([(2 * ((i % side) + random())) / side - 1, 1 - (2 * (Math.floor(i / side) + random())) / side, c]);
    }
  });
  return found;
}

const SHAPES = {
  spirals: (random) => [0, 1].flatMap((c) => along(random, 260, c, (t) => { const r = 0.1 + 0.78 * Math.sqrt(t), a = 2 * Math.PI * (1.6 * Math.sqrt(t) + c / 2); return [r * Math.cos(a), r * Math.sin(a)]; })),
  smiley: (random) => [...along(random, 300, 0, arc(0, 0, 0.82), 0.045), ...along(random, 70, 1, arc(-0.3, 0.28, 0.05), 0.06), ...along(random, 70, 1, arc(0.3, 0.28, 0.05), 0.06), ...along(random, 140, 3, arc(0, 0.02, 0.48, 0.57, 0.93), 0.04)],
  letters: (random) => letters(random, "ABC", 190),
  heart: (random) => along(random, 460, 3, (t) => { const a = 2 * Math.PI * t, s = Math.sqrt(random()); return [s * 0.86 * Math.sin(a) ** 3, 0.08 + s * (0.7 * Math.cos(a) - 0.27 * Math.cos(2 * a) - 0.11 * Math.cos(3 * a) - 0.05 * Math.cos(4 * a))]; }, 0.015),
  rings: (random) => [[0.12, 80], [0.44, 160], [0.8, 270]].flatMap(([r, n], c) => along(random, n, c, arc(0, 0, r), 0.05)),
  chess: (random) => Array.from({ length: 16 }, (_, i) => [i % 4, Math.floor(i / 4)]).flatMap(([i, j]) => Array.from({ length: 34 }, () => [(i + 0.08 + 0.84 * random()) * 0.46 - 0.92, (j + 0.08 + 0.84 * random()) * 0.46 - 0.92, (i + j) % 2])),
};

// ------------------------------------------------------------------------------------------------------------- drawing

/** The outline of a marker of that radius round (x, y); every class has its own. */
const OUTLINES = {
  circle: (p, x, y, r) => p.arc(x, y, r, 0, 2 * Math.PI),
  square: (p, x, y, r) => p.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r),
  "triangle-up": (p, x, y, r) => { p.moveTo(x, y - 1.25 * r); p.lineTo(x + 1.15 * r, y + 0.8 * r); p.lineTo(x - 1.15 * r, y + 0.8 * r); p.closePath(); },
  diamond: (p, x, y, r) => { p.moveTo(x, y - 1.3 * r); p.lineTo(x + 1.3 * r, y); p.lineTo(x, y + 1.3 * r); p.lineTo(x - 1.3 * r, y); p.closePath(); },
  cross: (p, x, y, r) => { const a = 0.42 * r, b = 1.2 * r; [[-b, -a], [-a, -a], [-a, -b], [a, -b], [a, -a], [b, -a], [b, a], [a, a], [a, b], [-a, b], [-a, a], [-b, a]].forEach(([u, v], i) => p[i ? "lineTo" : "moveTo"](x + u, y + v)); p.closePath(); },
};

/** The same as an SVG path, for the buttons. */
function outline(marker, x, y, r) {
  const parts = [];
  OUTLINES[marker]({
    arc: (cx, cy, q) => parts.push(`M${cx - q} ${cy}a${q} ${q} 0 1 0 ${2 * q} 0a${q} ${q} 0 1 0 ${-2 * q} 0`), rect: (a, b, w, h) => parts.push(`M${a} ${b}h${w}v${h}h${-w}z`),
    moveTo: (a, b) => parts.push(`M${a} ${b}`), lineTo: (a, b) => parts.push(`L${a} ${b}`), closePath: () => parts.push("z"),
  }, x, y, r);
  return parts.join("");
}

/** Clears a canvas of that side in CSS pixels, sharp at the device's. */
function cleared(canvas, side) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2), W = Math.round(side * ratio), ctx = canvas.getContext("2d");
  if (canvas.width !== W) Object.assign(canvas, { width: W, height: W });
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, side, side);
  return ctx;
}

/** Marks at these points. */
function mark(S, ctx, points, side, dot, edge = EDGE) {
  const scale = (side - 2 * edge) / 2;
  for (let c = 0; c < S.colours.length; c++) {
    ctx.beginPath();
    for (const [x, y, own] of points) if (own === c) { const u = edge + (x + 1) * scale, v = edge + (1 - y) * scale; ctx.moveTo(u + dot, v); OUTLINES[S.data.markers[c]](ctx, u, v, dot); }
    ctx.fillStyle = S.colours[c];
    ctx.fill();
  }
}

/** Lines at every half, axes, and their ends. */
function drawGrid(S, ctx) {
  const at = (value) => EDGE + ((value + 1) / 2) * (S.side - 2 * EDGE), end = S.side - EDGE;
  for (const value of [-1, -0.5, 0.5, 1, 0]) {
    ctx.strokeStyle = value ? S.hair : S.axis;
    ctx.lineWidth = 1;
    ctx.beginPath();
    const p = Math.round(at(value)) + 0.5;
    ctx.moveTo(p, EDGE); ctx.lineTo(p, end); ctx.moveTo(EDGE, p); ctx.lineTo(end, p);
    ctx.stroke();
  }
  Object.assign(ctx, { fillStyle: S.faint, font: `11px ${getComputedStyle(S.root).fontFamily}` });
  const middle = at(0);
  for (const [text, x, y, align] of [["−1", EDGE + 4, middle + 13, "left"], ["1", end - 4, middle + 13, "right"], ["1", middle - 5, EDGE + 13, "right"], ["−1", middle - 5, end - 5, "right"]]) { ctx.textAlign = align; ctx.fillText(text, x, y); }
}

/** Everything on the board anew. */
function draw(S) {
  if (S.side < 20) return;
  const ctx = cleared(S.board, S.side);
  drawGrid(S, ctx);
  ctx.globalAlpha = 0.85;
  mark(S, ctx, S.points, S.side, DOT);
  S.drawn = S.points.length;
  drawOver(S);
}

/** What lies over the board: how far the tool reaches, or the cursor of the keyboard. */
function drawOver(S) {
  const ctx = cleared(S.over, S.side), at = S.keyed ? S.cursor : S.pointer, scale = (S.side - 2 * EDGE) / 2;
  if (!at) return;
  const u = EDGE + (at[0] + 1) * scale, v = EDGE + (1 - at[1]) * scale, colour = S.tool === "erase" ? S.text : S.colours[S.own];
  Object.assign(ctx, { strokeStyle: colour, lineWidth: 1.5 });
  ctx.beginPath();
  if (S.keyed) { ctx.moveTo(u - 13, v); ctx.lineTo(u - 5, v); ctx.moveTo(u + 5, v); ctx.lineTo(u + 13, v); ctx.moveTo(u, v - 13); ctx.lineTo(u, v - 5); ctx.moveTo(u, v + 5); ctx.lineTo(u, v + 13); }
  else if (S.tool !== "dot") { if (S.tool === "erase") ctx.setLineDash([4, 3]); ctx.arc(u, v, Math.max(3, reach(S) * scale), 0, 2 * Math.PI); }
  ctx.stroke();
}

/** The eraser is never so small that nobody hits anything. */
const reach = (S) => (S.tool === "erase" ? Math.max(S.radius, REACH) : S.radius);

/** Colours of the theme now. */
function dress(S) {
  const style = getComputedStyle(S.root), ground = style.getPropertyValue("--st-background-color").trim() || "#ffffff";
  S.text = style.getPropertyValue("--st-text-color").trim() || "#1d2433";
  const probe = (dress.probe ??= Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true }));
  probe.fillStyle = ground;
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
  S.colours = S.data.palette[0.3 * r + 0.59 * g + 0.11 * b < 128 ? "dark" : "light"];
  for (const [name, share] of [["hair", 9], ["axis", 26], ["faint", 58]]) S[name] = `color-mix(in srgb, ${S.text} ${share}%, ${ground})`;
}

// -------------------------------------------------------------------------------------------------------------- panel

/** Words, buttons and numbers as they are now. */
function show(S) {
  const { root, data } = S, count = S.points.length, part = (name) => root.querySelector(`[data-dr=${name}]`);
  const text = (element, words) => { if (element.textContent !== words) element.textContent = words; };
  root.toggleAttribute("data-empty", !count);
  Object.assign(root.dataset, { points: count, tool: S.tool, class: S.own });
  for (const button of root.querySelectorAll("[data-tool]")) check(button, button.dataset.tool === S.tool);
  for (const button of root.querySelectorAll("[data-class]")) check(button, +button.dataset.class === S.own);
  for (const input of root.querySelectorAll("[data-set]")) {
    input.value = S[input.dataset.set];
    input.disabled = S.tool === "dot" || (S.tool === "erase" && input.dataset.set === "rate");
    input.parentElement.classList.toggle("ll-dr-off", input.disabled);
  }
  text(part("count"), say(S, "count", { count: num(S, count), most: num(S, data.most) }));
  text(part("advice"), count >= data.most ? say(S, "full") : count && count < data.least ? say(S, "few", { least: data.least }) : "");
  root.querySelector(".ll-dr-bar i").style.width = `${(100 * count) / data.most}%`;
  root.querySelector("[data-act=use]").disabled = count < data.least;
  root.querySelector("[data-act=clear]").disabled = !count;
  root.querySelector("[data-act=undo]").disabled = !S.past.length;
}

function check(button, on) {
  button.setAttribute("aria-checked", String(on));
  button.tabIndex = on ? 0 : -1;
}

/** The words of the reader's language, and the buttons that are made of data. */
function furnish(S) {
  for (const element of S.root.querySelectorAll("[data-t]")) element.textContent = say(S, element.dataset.t);
  for (const element of S.root.querySelectorAll("[data-label]")) element.setAttribute("aria-label", say(S, element.dataset.label));
  const focus = document.activeElement?.dataset?.class;
  S.root.querySelector(".ll-dr-classes").replaceChildren(...S.colours.map((colour, c) => {
    const button = Object.assign(document.createElement("button"), { type: "button", title: say(S, "class", { n: c + 1 }) });
    button.setAttribute("role", "radio");
    button.setAttribute("aria-label", button.title);
    Object.assign(button.dataset, { class: c, testid: `drawing-class-${c + 1}` });
    button.style.setProperty("--own", colour);
    button.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${outline(S.data.markers[c], 12, 12, 7.5)}"/></svg>${c + 1}`;
    return button;
  }));
  if (focus !== undefined) S.root.querySelector(`[data-class="${focus}"]`)?.focus();
  S.root.querySelector(".ll-dr-shapes").replaceChildren(...Object.entries(SHAPES).map(([name, make]) => {
    const button = Object.assign(document.createElement("button"), { type: "button" }), canvas = document.createElement("canvas");
    Object.assign(button.dataset, { shape: name, testid: `drawing-shape-${name}` });
    mark(S, cleared(canvas, 60), make(chance(1)).filter((_, i) => i % 2 === 0), 60, 1, 3);
    button.append(canvas, say(S, `shape_${name}`));
    return button;
  }));
}

function openMenu(S, open) {
  S.root.querySelector(".ll-dr-shapes").hidden = !open;
  S.root.querySelector("[data-act=menu]").setAttribute("aria-expanded", String(open));
}

// --------------------------------------------------------------------------------------------------------------- acts

/** Before something is changed: remembers how it was. */
function remember(S) {
  S.past.push(S.points.slice());
  if (S.past.length > UNDOS) S.past.shift();
}

/** After something was changed: shows, tells and keeps it. */
function settle(S, said = "") {
  draw(S);
  show(S);
  S.root.querySelector("[role=status]").textContent = said || say(S, "count", { count: num(S, S.points.length), most: num(S, S.data.most) });
  try { sessionStorage.setItem(S.place, JSON.stringify(S.points)); } catch { /* no room or not allowed: it lives as long as the page */ }
}

/** Adds a point, if it is on the board and there is room. */
function put(S, x, y, c = S.own) {
  if (inside(x, y) && S.points.length < S.data.most) S.points.push([round(x), round(y), c]);
}

/** Removes every point that the eraser touches. */
function rub(S, [x, y]) {
  const far = reach(S) ** 2;
  S.points = S.points.filter(([a, b]) => (a - x) ** 2 + (b - y) ** 2 > far);
}

/** The tool touches the board. */
function touch(S, at) {
  remember(S);
  S.owed = 0;
  if (S.tool === "erase") rub(S, at);
  else if (S.tool === "dot") put(S, ...at);
  else for (let i = 0; i < Math.ceil(S.rate / 2); i++) put(S, ...near(S.random, ...at, S.radius));
}

/** The tool moves over the board: the spray gives so many points on every tenth of a unit. */
function pull(S, from, to) {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]), between = (t) => [from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])];
  if (S.tool === "erase") {
    const steps = Math.max(1, Math.ceil((2 * length) / reach(S)));
    for (let i = 1; i <= steps; i++) rub(S, between(i / steps));
  } else if (S.tool === "spray") {
    const due = length * 10 * S.rate;
    let next = 1 - S.owed;
    for (; next <= due; next++) put(S, ...near(S.random, ...between(next / due), S.radius));
    S.owed = due - next + 1;
  }
}

const ACTS = {
  undo: (S) => { if (!S.past.length) return; S.points = S.past.pop(); settle(S); },
  clear: (S) => { if (!S.points.length) return; remember(S); S.points = []; settle(S); },
  menu: (S) => openMenu(S, S.root.querySelector(".ll-dr-shapes").hidden),
  use: (S) => { if (S.points.length >= S.data.least) S.emit("drawn", { points: S.points.map((point) => [...point]) }); },
};

function pick(S, name, value) {
  S[name] = value;
  if (name === "own" && S.tool === "erase") S.tool = "spray";
  show(S);
  drawOver(S);
}

/** Puts a shape in place of the drawing. */
function start(S, name) {
  remember(S);
  S.points = [];
  for (const [x, y, c] of SHAPES[name](S.random)) put(S, x, y, c);
  openMenu(S, false);
  S.root.querySelector("[data-act=menu]").focus({ preventScroll: true });
  settle(S);
}

// -------------------------------------------------------------------------------------------------- mouse, finger, keys

/** Where on the board an event happened. */
function place(S, event) {
  const box = S.over.getBoundingClientRect(), scale = (box.width - 2 * EDGE) / 2;
  return [(event.clientX - box.left - EDGE) / scale - 1, 1 - (event.clientY - box.top - EDGE) / scale];
}

function hands(S) {
  const { over } = S;
  let held = null, last = null, due = 0;
  /** New points are only added to the picture; what is erased needs a new one. */
  const soon = () => { due ||= requestAnimationFrame(() => { due = 0; if (held !== null && S.points.length >= S.drawn && S.tool !== "erase") more(S); else draw(S); show(S); }); };
  over.onpointerdown = (event) => {
    if (held !== null || event.button > 0) return;
    event.preventDefault();
    over.focus({ preventScroll: true });
    try { over.setPointerCapture(event.pointerId); } catch { /* a pointer that is gone already */ }
    Object.assign(S, { keyed: false, pointer: place(S, event) });
    held = event.pointerId;
    last = S.pointer;
    touch(S, last);
    soon();
  };
  over.onpointermove = (event) => {
    if (held !== null && event.pointerId !== held) return;
    Object.assign(S, { keyed: false, pointer: place(S, event) });
    if (held === null) { if (event.pointerType !== "touch") drawOver(S); return; }
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const one of passed.length ? passed : [event]) { const at = place(S, one); pull(S, last, at); last = at; }
    soon();
  };
  const end = (event) => {
    if (event.pointerId !== held) return;
    held = null;
    if (event.pointerType === "touch") S.pointer = null;
    cancelAnimationFrame(due);
    due = 0;
    settle(S);
  };
  over.onpointerup = over.onpointercancel = over.onlostpointercapture = end;
  over.onpointerleave = () => { if (held === null) { S.pointer = null; drawOver(S); } };
  over.onblur = () => { S.keyed = false; drawOver(S); };
  over.onfocus = () => { if (over.matches(":focus-visible") && !S.pointer) { S.keyed = true; drawOver(S); } };
  over.onkeydown = (event) => keys(S, event);
  return () => cancelAnimationFrame(due);
}

/** Adds the newest points to the picture. */
function more(S) {
  const ctx = S.board.getContext("2d");
  ctx.globalAlpha = 0.85;
  mark(S, ctx, S.points.slice(S.drawn), S.side, DOT);
  S.drawn = S.points.length;
  drawOver(S);
}

/** The keyboard on the board: a cursor that sets points. */
function keys(S, event) {
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key], wide = event.shiftKey ? FINE : STEP;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const letter = Object.keys(TOOLS).find((name) => TOOLS[name] === event.key.toLowerCase());
  if (way) {
    S.cursor = S.cursor.map((value, i) => Math.max(-1, Math.min(1, round(value + way[i] * wide))));
    S.keyed = true;
    drawOver(S);
    S.root.querySelector("[role=status]").textContent = S.cursor.map((value) => num(S, value)).join(", ");
  } else if (event.key === " " || event.key === "Enter" || event.key === "Delete" || event.key === "Backspace") {
    S.keyed = true;
    remember(S);
    if (S.tool === "erase" || event.key === "Delete" || event.key === "Backspace") S.points = S.points.filter(([x, y]) => Math.hypot(x - S.cursor[0], y - S.cursor[1]) > REACH);
    else put(S, ...S.cursor);
    settle(S);
  } else if (letter) pick(S, "tool", letter);
  else if (+event.key >= 1 && +event.key <= S.colours.length) pick(S, "own", +event.key - 1);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/** Everything round the board. */
function controls(S) {
  const { root } = S;
  root.onclick = (event) => {
    const button = event.target.closest("button");
    if (!button || button.disabled) return;
    const { act, tool, class: own, shape } = button.dataset;
    if (act) ACTS[act](S);
    else if (tool) pick(S, "tool", tool);
    else if (own !== undefined) pick(S, "own", +own);
    else if (shape) start(S, shape);
  };
  root.oninput = (event) => { const { set } = event.target.dataset; if (set) { S[set] = +event.target.value; drawOver(S); } };
  root.onkeydown = (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z") { event.preventDefault(); event.stopPropagation(); return ACTS.undo(S); }
    if (event.key === "Escape") return openMenu(S, false);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key], group = event.target.closest("[role=radiogroup]");
    if (!step || !group) return;
    event.preventDefault();
    const all = [...group.querySelectorAll("button")], next = all[(all.indexOf(event.target) + step + all.length) % all.length];
    next.click();
    next.focus();
  };
  const away = (event) => { if (!event.target.closest?.(".ll-dr-menu")) openMenu(S, false); };
  document.addEventListener("pointerdown", away);
  return () => document.removeEventListener("pointerdown", away);
}

// -------------------------------------------------------------------------------------------------------------- mount

/** What this tab drew before; anything odd is nothing. */
function kept(S) {
  try {
    const found = JSON.parse(sessionStorage.getItem(S.place) ?? "[]");
    return found.filter(([x, y, c]) => inside(x, y) && c in S.data.markers).slice(0, S.data.most);
  } catch { return []; }
}

function build(root, data) {
  const S = { root, data, board: root.querySelector(".ll-dr-points"), over: root.querySelector(".ll-dr-over"), place: `ll-drawing-${data.key}`,
    tool: "spray", own: 0, radius: 0.07, rate: 6, past: [], side: 0, drawn: 0, owed: 0, cursor: [0, 0], pointer: null, keyed: false, random: chance(data.seed) };
  S.points = kept(S);
  const ends = [hands(S), controls(S)];
  const sizes = new ResizeObserver(() => { const side = S.board.clientWidth; if (side !== S.side) { S.side = side; draw(S); } });
  sizes.observe(S.board);
  S.side = S.board.clientWidth;
  S.end = () => { sizes.disconnect(); ends.forEach((end) => end()); };
  return S;
}

const mounted = new WeakMap();

/** Streamlit calls this at mount and again whenever data or theme changed. */
export default function drawing({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".ll-drawing");
  let S = mounted.get(parentElement);
  if (S && S.root !== root) { S.end(); S = null; }
  if (!S) { S = build(root, data); mounted.set(parentElement, S); }
  const turn = (S.turn = (S.turn ?? 0) + 1), before = S.look;
  Object.assign(S, { emit: setTriggerValue, data });
  dress(S);
  S.look = JSON.stringify([data, S.colours, S.text]);
  if (S.look !== before) { furnish(S); draw(S); }
  show(S);
  // Streamlit also runs the clean-up of a call that was overtaken: only the newest may end it.
  return () => { if (S.turn === turn) { S.end(); if (mounted.get(parentElement) === S) mounted.delete(parentElement); } };
}
