// The picture of a drawing: outlines, names, points to take hold of, the floor. Changes nothing.

const SVG = "http://www.w3.org/2000/svg";

export function make(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const joined = (points) => points.map((p) => p.join(",")).join(" ");

export class Picture {
  constructor(svg, model, editable) {
    Object.assign(this, { svg, model, editable, at: null, wrongs: new Set() });
    this.layers = Object.fromEntries(["floor", "shapes", "draft", "handles"].map((name) => [name, make("g", { class: name })]));
    svg.append(...Object.values(this.layers));
  }

  /** How many pixels of the image one of the screen is. */
  get unit() {
    return this.model.size[0] / (this.svg.clientWidth || this.model.size[0]);
  }

  render(at, draft, wrongs) {
    const { layers, model, unit } = this;
    Object.assign(this, { at, wrongs });
    const figures = model.figures();
    const mine = (f) => at && at.list === f.list && at.index === f.index;
    layers.shapes.replaceChildren(
      ...figures.filter((f) => f.list !== "floor").map((f) => this.outline(f, mine(f))),
      ...figures.filter((f) => f.figure === 0).map((f) => this.label(f, unit)),
    );
    layers.handles.replaceChildren(...figures.flatMap((f) => (f.list === "floor" || mine(f) ? this.handles(f, unit) : [])));
    layers.draft.replaceChildren(...(draft ? this.pending(draft, unit) : []));
    this.svg.classList.toggle("drawing", Boolean(draft));
  }

  /** The CSS class of a shape: its colour. */
  look(f) {
    if (f.list === "zones") return this.model.drawing.zones[f.index].kind;
    if (f.list === "service_points") return ["counter", "staff", "customer"][f.figure];
    return f.list === "staff_areas" ? "staff" : f.list === "ignore_areas" ? "ignored" : "spot";
  }

  outline(f, chosen) {
    const wrong = this.wrongs.has(`${f.list}/${f.index}`);
    return make(f.closed ? "polygon" : "polyline", {
      points: joined(f.points),
      class: `shape ${this.look(f)}${chosen ? " chosen" : ""}${wrong ? " is-wrong" : ""}`,
      "data-list": f.list,
      "data-index": f.index,
      "data-figure": f.figure,
    });
  }

  label(f, unit) {
    const xs = f.points.map((p) => p[0]);
    const ys = f.points.map((p) => p[1]);
    const middle = (all) => (Math.min(...all) + Math.max(...all)) / 2;
    const above = f.list === "floor" ? -12 * unit : f.closed ? 0 : -6 * unit;
    const text = f.list === "floor" ? String(f.index + 1) : f.title;
    const half = Math.min(4 * text.length * unit, this.model.size[0] / 2);  // so that no name begins outside
    const x = Math.min(Math.max(middle(xs), half), this.model.size[0] - half);
    return make("text", { x, y: middle(ys) + above, "font-size": 13 * unit, class: `label ${this.look(f)}` }, text);
  }

  handles(f, unit) {
    const data = { "data-list": f.list, "data-index": f.index, "data-figure": f.figure };
    const made = [];
    const chosen = (n) => this.at && this.at.figure === f.figure && this.at.point === n && this.at.index === f.index && this.at.list === f.list;
    if (this.editable && f.closed)
      f.points.forEach(([x, y], n) => {
        const [x2, y2] = f.points[(n + 1) % f.points.length];
        if (Math.hypot(x2 - x, y2 - y) < 36 * unit) return;
        made.push(make("circle", { cx: (x + x2) / 2, cy: (y + y2) / 2, r: 5 * unit, class: "between", "data-after": n, ...data }));
      });
    f.points.forEach(([x, y], n) => {
      const group = make("g", {
        class: `handle ${f.list === "floor" ? "cross" : ""} ${chosen(n) ? "chosen" : ""}`,
        tabindex: 0,
        role: "button",
        "aria-label": `${f.title}, ${f.name}: point ${n + 1} of ${f.points.length} at ${x}, ${y}`,
        "data-point": n,
        ...data,
      });
      group.append(make("circle", { cx: x, cy: y, r: 18 * unit, class: "reach" }));
      const arm = 8 * unit;
      if (f.list === "floor") group.append(make("path", { d: `M${x - arm} ${y}h${2 * arm}M${x} ${y - arm}v${2 * arm}` }));
      else group.append(make("circle", { cx: x, cy: y, r: 6 * unit }));
      made.push(group);
    });
    return made;
  }

  pending({ points, aim, done }, unit) {
    const earlier = done.map((drawn) => make("polyline", { points: joined(drawn), class: "done" }));
    const arm = 12 * unit;
    return [
      ...earlier,
      make("polyline", { points: joined([...points, aim]), class: "line" }),
      ...points.map(([x, y], n) => make("circle", { cx: x, cy: y, r: (n ? 5 : 7) * unit, class: n ? "" : "first" })),
      make("path", { d: `M${aim[0] - arm} ${aim[1]}h${2 * arm}M${aim[0]} ${aim[1] - arm}v${2 * arm}`, class: "aim" }),
    ];
  }

  /** The floor as the server reckons it. */
  showFloor(view) {
    if (!view?.lines) return this.layers.floor.replaceChildren();
    const { unit } = this;
    const named = [];
    for (const { label, metres } of view.lines)
      if (label && named.every((other) => Math.hypot(other.label[0] - label[0], other.label[1] - label[1]) > 24 * unit))
        named.push({ label, metres });
    this.layers.floor.replaceChildren(
      make("path", { d: view.unknown, class: "unknown" }),
      ...view.lines.map((line) => make("path", { d: line.runs.join(""), class: line.strong ? "metres strong" : "metres" })),
      ...named.map(({ label: [x, y], metres }) => make("text", { x, y: y - 3 * unit, "font-size": 11 * unit, class: "number" }, String(metres))),
    );
  }
}
