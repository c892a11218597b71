// The list beside the frame: names and kinds to be edited, the floor's metres, what is wrong with a shape.
import { LISTS } from "./setup-model.js";

const LENS_M = 0.05;
/** Nobody measures finer; the file's own digits stay until somebody writes others. */
const round = (value) => Math.round(value * 1000) / 1000;

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (typeof value === "boolean") made.toggleAttribute(key, value);
    else made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export class Panel {
  /** on: {choose(at), edited(), remove(list, index), redraw()} */
  constructor(root, model, editable, on) {
    Object.assign(this, { root, model, editable, on, at: null, view: null, wrongs: [] });
  }

  render(at) {
    this.at = at;
    const lists = Object.keys(LISTS).filter((list) => list !== "floor");
    const shapes = lists.flatMap((list) => this.model.shapes(list).map((_, index) => this.shape(list, index)));
    const none = element("p", { class: "quiet" }, this.editable ? "Nothing is drawn yet: choose above what to draw." : "Nothing is drawn.");
    this.root.replaceChildren(...(shapes.length ? [element("ul", { class: "shapes" }, ...shapes)] : [none]), this.floor());
  }

  shape(list, index) {
    const shape = this.model.shapes(list)[index];
    const chosen = this.at?.list === list && this.at.index === index;
    const head = element(
      "button",
      { class: "shape-name", type: "button", "aria-expanded": String(chosen), onclick: () => this.on.choose(chosen ? null : { list, index, figure: 0 }) },
      element("span", { class: `key ${list === "zones" ? shape.kind : list}` }),
      this.model.title(list, index),
      element("span", { class: "quiet" }, this.kindOf(list, shape)),
    );
    const item = element("li", { class: chosen ? "chosen" : "" }, head, ...this.wrongsOf(list, index));
    if (chosen) item.append(this.fields(list, index, shape));
    return item;
  }

  kindOf(list, shape) {
    if (list !== "zones") return LISTS[list].title.toLowerCase();
    return shape.kind === "queue" ? `queue of ${shape.service_point || "?"}` : "service zone";
  }

  wrongsOf(list, index) {
    return this.wrongs
      .filter((wrong) => wrong.key === list && wrong.index === index)
      .map((wrong) => element("p", { class: "wrong", role: "alert" }, wrong.text));
  }

  fields(list, index, shape) {
    const made = element("div", { class: "fields" });
    if (list === "zones") {
      made.append(
        this.text("Name", shape.name ?? "", (value) => this.named(shape, value)),
        this.text("Id", shape.zone_id, (value) => (shape.zone_id = value), "[a-z0-9][a-z0-9_\\-]{0,63}"),
        this.choice("Kind", shape.kind, { service: "service zone", queue: "queue" }, (value) => this.model.setKind(index, value)),
      );
      const points = this.model.drawing.service_points;
      if (shape.kind === "queue")
        made.append(
          this.choice(
            "Queue of",
            shape.service_point ?? "",
            { ...(shape.service_point ? {} : { "": "choose one" }), ...Object.fromEntries(points.map((p) => [p.service_point_id, p.name || p.service_point_id])) },
            (value) => (shape.service_point = value),
          ),
        );
    } else if (list === "service_points")
      made.append(
        this.text("Name", shape.name ?? "", (value) => this.named(shape, value)),
        this.text("Id", shape.service_point_id, (value) => this.model.renamePoint(index, value), "[a-z0-9][a-z0-9_\\-]{0,63}"),
        this.number("Counter's length, m", shape.counter_length_m, (value) => (shape.counter_length_m = value), 0.01),
      );
    if (this.editable)
      made.append(element("button", { class: "button-quiet", type: "button", onclick: () => this.on.remove(list, index) }, "Delete this shape"));
    return made;
  }

  named(shape, value) {
    if (value) shape.name = value;
    else delete shape.name;
  }

  floor() {
    const { points } = this.model.drawing.floor;
    const said = points.length ? ` ${points.length} spots` : " not measured";
    const summary = element("summary", {}, "Floor", element("span", { class: "quiet" }, said));
    const made = element("details", { class: "floor-points", open: this.floorOpen || this.at?.list === "floor" }, summary, ...this.floorWrongs());
    made.addEventListener("toggle", () => (this.floorOpen = made.open));
    if (!points.length)
      made.append(
        element("p", { class: "quiet" }, "Distances are reckoned from body heights. Six spots of floor, with their place in metres from any corner, make them exact."),
      );
    else {
      const head = element("tr", {}, ...["", "X m", "Y m", "off by", ""].map((name) => element("th", {}, name)));
      const rows = points.map((point, index) => this.floorPoint(point, index));
      made.append(
        element("table", { class: "table" }, element("thead", {}, head), element("tbody", {}, ...rows)),
        element("div", { class: "told" }),
        this.lens(this.model.drawing.floor),
      );
    }
    this.showFloor(this.view, made);
    return made;
  }

  floorWrongs() {
    return this.wrongs.filter((w) => w.key === "floor").map((w) => element("p", { class: "wrong", role: "alert" }, w.index === null ? w.text : `${w.index + 1}: ${w.text}`));
  }

  floorPoint(point, index) {
    const metre = (axis) =>
      element("td", {}, this.input("number", round(point.floor_m[axis]), (value) => (point.floor_m[axis] = value), { step: 0.01, "aria-label": `point ${index + 1}, ${"XY"[axis]} in metres` }));
    const chosen = this.at?.list === "floor" && this.at.index === index;
    const gone = element("button", { class: "button-quiet", type: "button", "aria-label": `delete point ${index + 1}`, onclick: () => this.on.remove("floor", index) }, "×");
    return element(
      "tr",
      { class: chosen ? "chosen" : "" },
      element("th", {}, element("button", { class: "shape-name", type: "button", onclick: () => this.on.choose({ list: "floor", index, figure: 0, point: 0 }) }, String(index + 1))),
      metre(0),
      metre(1),
      element("td", { class: "number off", "data-point": index }),
      element("td", {}, ...(this.editable ? [gone] : [])),
    );
  }

  lens(floor) {
    const made = element("div", { class: "fields lens" });
    const lens = floor.lens_m?.map(round);
    made.append(element("p", {}, lens ? `The lens hangs above (${lens[0]}, ${lens[1]}), ${lens[2]} m high.` : "Where the lens hangs is not said, so nobody's height is known."));
    if (this.editable) made.append(element("button", { class: "button-quiet take", type: "button", hidden: true, onclick: () => this.takeLens() }, "Take the reckoned place"));
    if (this.editable && lens) made.append(element("button", { class: "button-quiet", type: "button", onclick: () => (delete floor.lens_m, this.on.redraw()) }, "Leave it out"));
    return made;
  }

  takeLens() {
    this.model.drawing.floor.lens_m = this.view.lens_m;
    this.on.redraw();
  }

  /** What the server says of the points. */
  showFloor(view, root = this.root) {
    this.view = view;
    for (const cell of root.querySelectorAll(".off")) {
      const error = view?.errors_m?.[Number(cell.dataset.point)];
      const suspect = view?.suspect === Number(cell.dataset.point);
      cell.textContent = error == null ? "" : `${error.toFixed(2)} m${suspect ? ", measure again" : ""}`;
      cell.classList.toggle("wrong", suspect || error > 0.1);
    }
    root.querySelector(".told")?.replaceChildren(...(view?.told ?? []).map((line) => element("p", { class: view.sound ? "quiet" : "wrong" }, line)));
    const take = root.querySelector(".take");
    const lens = this.model.drawing.floor.lens_m;
    if (take) take.hidden = !view?.lens_m || Boolean(lens && view.lens_m.every((value, n) => Math.abs(value - lens[n]) < LENS_M));
    if (take && view?.lens_m) take.textContent = `Take the reckoned place: (${view.lens_m[0]}, ${view.lens_m[1]}), ${view.lens_m[2]} m high`;
  }

  input(type, value, change, more = {}) {
    const made = element("input", { type, value: String(value), disabled: !this.editable, ...more });
    made.addEventListener("focus", () => this.model.remember());
    made.addEventListener("input", () => {
      if (type === "number" && !Number.isFinite(made.valueAsNumber)) return;
      change(type === "number" ? made.valueAsNumber : made.value.trim());
      this.on.edited();
    });
    return made;
  }

  text(label, value, change, pattern = "") {
    return element("label", {}, label, this.input("text", value, change, { maxlength: 80, ...(pattern && { pattern, title: "a-z, 0-9, - and _" }) }));
  }

  number(label, value, change, step) {
    return element("label", {}, label, this.input("number", value, change, { step, min: step }));
  }

  choice(label, value, options, change) {
    const made = element("select", { disabled: !this.editable }, ...Object.entries(options).map(([key, name]) => element("option", { value: key, selected: key === value }, name)));
    made.addEventListener("change", () => {
      this.model.remember();
      change(made.value);
      this.on.redraw();
    });
    return element("label", {}, label, made);
  }
}
