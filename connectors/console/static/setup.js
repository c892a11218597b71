// The set-up page: brings the drawing, the frame, the list and the server together.
import { Model } from "./setup-model.js";
import { Panel } from "./setup-panel.js";
import { Stage } from "./setup-stage.js";

const start = JSON.parse(document.getElementById("start").textContent);
const page = (name) => document.getElementById(name);
const FLOOR_WAITS_MS = 250;
const FINGER = matchMedia("(pointer: coarse)").matches;
const model = new Model(start.drawing, start.size);
let floorTimer = 0;
let floorAsked = 0;

const stage = new Stage(page("stage"), model, start.operator, {
  selected: () => panel.render(stage.at),
  changed: () => changed(),
  hint: (text) => say(text),
  drawn: (list, figures) => {
    model.remember();
    const index = model.addShape(list, figures);
    say("");
    changed();
    stage.choose({ list, index, figure: 0, point: 0 });
    const field = page("panel").querySelector(".chosen input");
    if (field) field.focus();
    else stage.refocus();
  },
});
const panel = new Panel(page("panel"), model, start.operator, {
  choose: (at) => {
    stage.choose(at);
    stage.refocus();
  },
  edited: () => {
    stage.render();
    noticed();
    if (stage.at?.list === "floor" || document.activeElement?.closest(".floor-points")) askFloor();
  },
  redraw: () => changed(),
  remove: (list, index) => {
    model.remember();
    model.removeShape(list, index);
    stage.at = null;
    changed();
  },
});

function say(text) {
  const whole = text || page("hint").dataset.usual;
  page("hint").textContent = FINGER ? whole.replace(/ Keys: .*/, "") : whole;
  document.body.classList.toggle("is-drawing", Boolean(stage.draft));
}

function changed() {
  stage.render();
  panel.render(stage.at);
  noticed();
  askFloor();
}

function noticed() {
  if (!start.operator) return;
  page("unsaved").hidden = !model.isDirty;
  page("save").disabled = !model.isDirty;
}

function showFloor(view) {
  panel.showFloor(view);
  stage.picture.showFloor(page("grid").checked ? view : null);
}

// The floor is the server's: one way of reckoning it, here, in calibrate and in the fold.
let floorSeen = JSON.stringify(model.drawing.floor);
function askFloor() {
  const wanted = JSON.stringify(model.drawing.floor);
  if (wanted === floorSeen) return showFloor(panel.view);
  floorSeen = wanted;
  clearTimeout(floorTimer);
  floorTimer = setTimeout(async () => {
    const number = ++floorAsked;
    const view = model.drawing.floor.points.length ? await post("/floor", { floor: model.drawing.floor }) : null;
    if (number === floorAsked) showFloor(view);
  }, FLOOR_WAITS_MS);
}

async function post(path, body) {
  const answer = await fetch(`/setup/${start.camera_id}${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF": document.querySelector("meta[name=csrf]").content },
    body: JSON.stringify({ from: start.from, seal: start.seal, ...body }),
  }).catch(() => null);
  if (!answer) return { told: ["the console does not answer"], wrongs: [{ key: "", index: null, text: "The console does not answer; the drawing is still here." }] };
  const isJson = answer.headers.get("content-type")?.startsWith("application/json");
  if (isJson) return answer.json();
  if (answer.ok) return answer.text();
  const text = { 401: "You are not signed in any more: sign in in another tab, then save again.", 403: "You may look but not change anything: an operator has to do this.", 413: "That is too much for one drawing." }[answer.status];
  return { told: [], wrongs: [{ key: "", index: null, text: text ?? `The console answered ${answer.status}; its log says why.` }] };
}

async function save(event) {
  event.preventDefault();
  const sent = JSON.stringify(model.plain());
  page("save").disabled = true;
  const answer = await post("", { drawing: model.plain(), reason: page("reason").value });
  const wrongs = answer.wrongs ?? [];
  panel.wrongs = wrongs;
  stage.wrongs = new Set(wrongs.map((wrong) => `${wrong.key}/${wrong.index}`));
  const placed = (wrong) => (wrong.key === "floor" ? true : wrong.key in model.drawing && wrong.index !== null);
  const here = wrongs.filter((wrong) => !placed(wrong)).map((wrong) => wrong.text);
  if (wrongs.length > here.length) here.push("Not saved: see what is marked in the list.");
  page("wrongs").replaceChildren(...here.map((text) => Object.assign(document.createElement("p"), { className: "wrong", textContent: text })));
  if (wrongs.length) {
    const first = wrongs.find((wrong) => placed(wrong) && wrong.key !== "floor");
    if (first) stage.at = { list: first.key, index: first.index, figure: 0 };
    page("result").replaceChildren();
  } else {
    page("result").innerHTML = answer; // made by our template on the server, every value escaped there
    page("result").scrollIntoView({ block: "nearest" });
    model.kept = sent;
  }
  changed();
}

function act(name) {
  if (name === "undo" && model.undo()) {
    stage.at = null;
    changed();
  } else if (name === "delete") stage.removePoint() || say("Choose a point first.");
  else if (name === "close") stage.finish();
  else if (name === "leave") stage.leave();
  if (name === "leave" || name === "close") say(stage.draft ? page("hint").textContent : "");
}

document.addEventListener("click", (event) => {
  const { begins, acts, zooms } = event.target.closest("[data-begins], [data-acts], [data-zooms]")?.dataset ?? {};
  if (begins) stage.begin(begins);
  else if (acts) act(acts);
  else if (zooms) {
    page("scroll").dataset.zoom = zooms;
    for (const button of document.querySelectorAll("[data-zooms]")) button.setAttribute("aria-pressed", String(button.dataset.zooms === zooms));
  }
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select");
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !typing && start.operator) {
    event.preventDefault();
    act("undo");
  }
});
page("grid").addEventListener("change", () => showFloor(panel.view));
page("versions")?.addEventListener("change", (event) => (location.search = event.target.value ? `?from=${event.target.value}` : ""));
page("keep")?.addEventListener("submit", save);
window.addEventListener("beforeunload", (event) => {
  if (start.operator && model.isDirty) event.preventDefault();
});

panel.view = start.floor_view;
panel.floorOpen = start.floor_view?.sound === false;
say("");
stage.render();
panel.render(null);
showFloor(start.floor_view);
noticed();
