// The clip: who is who drawn over it, marks to go to, and its two parts. All times in the page are ms UTC of the camera.
const SVG = "http://www.w3.org/2000/svg";
const GAP_MS = 500; // boxes further apart than this say nothing of the time between them

const player = document.querySelector(".player");
if (player) start(player);

document.addEventListener("click", (event) => {
  if (event.target.matches("[data-selects]")) event.target.select();
  if (!event.target.matches("[data-copies]")) return;
  const link = event.target.closest(".link").querySelector("input");
  link.select();
  navigator.clipboard?.writeText(link.value).then(() => { event.target.textContent = "Copied"; });
});

for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, (event) => {
    const said = event.target.querySelector("[role=status]") ?? event.target;
    said.textContent = "The console gave no answer: load this page again, and see its log if it stays so.";
    said.className = "notice notice-bad";
  });
}

function start(player) {
  const video = player.querySelector("video");
  const people = player.querySelector(".people");
  const strip = player.querySelector(".strip");
  const trouble = player.querySelector("[data-trouble]");
  const tabs = [...player.querySelectorAll("[data-part]")];
  const marks = [...player.querySelectorAll("[data-at]")];
  const parts = ["alert", "closing"].filter((part) => video.dataset[part]);
  const loaded = {}; // part -> {zero, drawn}: when its first frame was, and who is drawn over it
  let part = null;

  const zero = () => loaded[part]?.zero ?? null;
  const lastsMs = () => (Number.isFinite(video.duration) ? video.duration * 1000 : 0);
  const holds = (at) => zero() !== null && at >= zero() && at <= zero() + lastsMs();

  async function choose(wanted, at = null) {
    part = wanted;
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.part === part));
    people.replaceChildren();
    trouble.hidden = true;
    video.src = video.dataset[part];
    const metadata = new Promise((done) => video.addEventListener("loadedmetadata", done, { once: true }));
    const boxes = load(part);
    await Promise.all([boxes, metadata]);
    if (part !== wanted) return; // somebody chose the other one meanwhile
    const from = at ?? (part === "alert" ? Number(player.dataset.started) : null);
    if (from !== null && zero() !== null) video.currentTime = clamp((from - zero()) / 1000, 0, video.duration);
    loaded[part].draw = show(people, loaded[part].sidecar);
    drawStrip();
    frame();
  }

  async function load(part) {
    if (loaded[part]) return;
    const covered = part === "alert" && player.dataset.covered ? Number(player.dataset.covered) : null;
    loaded[part] = { zero: covered, sidecar: null };
    const address = video.dataset[`${part}Boxes`];
    if (!address) return;
    try {
      const answer = await fetch(address);
      if (!answer.ok) return;
      loaded[part].sidecar = await answer.json();
      loaded[part].zero = loaded[part].sidecar.covered_from;
    } catch { /* the clip can be seen without its boxes */ }
  }

  function frame(seconds = video.currentTime) {
    loaded[part]?.draw?.(seconds * 1000);
    const now = strip.querySelector(".now");
    if (now && lastsMs()) for (const end of ["x1", "x2"]) now.setAttribute(end, `${(100 * seconds * 1000) / lastsMs()}%`);
  }

  function drawStrip() {
    const share = (at) => `${clamp((100 * (at - zero())) / lastsMs(), 0, 100)}%`;
    strip.replaceChildren(made("rect", { class: "whole", x: 0, y: 8, width: "100%", height: 10, rx: 5 }));
    if (zero() === null || !lastsMs()) return;
    const begin = Number(player.dataset.started);
    const end = player.dataset.ended ? Number(player.dataset.ended) : zero() + lastsMs();
    const from = parseFloat(share(begin)), to = parseFloat(share(end));
    strip.append(made("rect", { class: "inside", x: `${from}%`, y: 8, width: `${Math.max(0, to - from)}%`, height: 10 }));
    for (const mark of marks) {
      const at = Number(mark.dataset.at);
      if (holds(at)) strip.append(made("line", { class: "mark", x1: share(at), x2: share(at), y1: 3, y2: 23 }));
    }
    strip.append(made("line", { class: "now", x1: 0, x2: 0, y1: 0, y2: 26 }));
  }

  if (video.requestVideoFrameCallback) {
    const each = (_, { mediaTime }) => { frame(mediaTime); video.requestVideoFrameCallback(each); };
    video.requestVideoFrameCallback(each);
  } else {
    const each = () => { frame(); if (!video.paused) requestAnimationFrame(each); };
    video.addEventListener("play", each);
  }
  for (const moved of ["timeupdate", "seeked"]) video.addEventListener(moved, () => frame());
  video.addEventListener("error", () => { trouble.hidden = false; });
  for (const tab of tabs) tab.addEventListener("click", () => choose(tab.dataset.part));
  strip.addEventListener("click", (event) => {
    const place = strip.getBoundingClientRect();
    if (lastsMs()) video.currentTime = clamp(((event.clientX - place.left) / place.width) * video.duration, 0, video.duration);
  });
  for (const mark of marks) {
    mark.addEventListener("click", async () => {
      const at = Number(mark.dataset.at);
      if (holds(at)) { video.currentTime = (at - zero()) / 1000; return; }
      const other = parts.find((one) => one !== part);
      if (other) await choose(other, at);
    });
  }
  player.querySelector("[data-show-people]")?.addEventListener("change", (event) => {
    people.toggleAttribute("hidden", !event.target.checked);
    people.style.display = event.target.checked ? "" : "none";
  });
  player.querySelector("[data-fullscreen]").addEventListener("click", () => player.querySelector(".stage").requestFullscreen());
  choose(parts[0]);
}

// Draws each participant's box at a time of the clip; the picture's own pixels, however large it is shown.
function show(people, sidecar) {
  people.replaceChildren();
  if (!sidecar) return null;
  people.setAttribute("viewBox", `0 0 ${sidecar.width} ${sidecar.height}`);
  const size = sidecar.height / 29;
  const drawn = sidecar.participants.map((person) => {
    const group = made("g", { class: person.role, "data-person": person.person_id });
    const box = made("rect", { rx: 2 });
    const name = made("text", { "font-size": size });
    name.textContent = `${person.role} ${String(person.person_id % 100000).padStart(5, "0")}`;
    group.append(box, name);
    people.append(group);
    return { group, box, name, boxes: person.boxes };
  });
  return (ms) => {
    for (const { group, box, name, boxes } of drawn) {
      const at = boxAt(boxes, ms);
      group.style.display = at ? "" : "none";
      if (!at) continue;
      const [x1, y1, x2, y2] = at;
      for (const [key, value] of Object.entries({ x: x1, y: y1, width: x2 - x1, height: y2 - y1 })) box.setAttribute(key, value);
      name.setAttribute("x", clamp(x1, 2, sidecar.width - size * 7));
      name.setAttribute("y", y1 > size * 1.3 ? y1 - size * 0.35 : y2 + size);
    }
  };
}

// [x1, y1, x2, y2] at a time, between the boxes before and after it; null where there are none near it.
export function boxAt(boxes, ms) {
  let low = 0, high = boxes.length;
  while (low < high) { const middle = (low + high) >> 1; if (boxes[middle][0] <= ms) low = middle + 1; else high = middle; }
  const before = boxes[low - 1], after = boxes[low];
  if (before && after && after[0] - before[0] <= GAP_MS) {
    const share = (ms - before[0]) / (after[0] - before[0]);
    return [1, 2, 3, 4].map((n) => before[n] + share * (after[n] - before[n]));
  }
  if (before && ms - before[0] <= GAP_MS / 2) return before.slice(1);
  if (after && after[0] - ms <= GAP_MS / 2) return after.slice(1);
  return null;
}

function made(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
