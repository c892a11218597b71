// What is drawn, as the server keeps it, and every change that can be made to it. No page, no server.

export const LISTS = {
  zones: { title: "Zone", figures: [["polygon", "the zone", true]] },
  service_points: {
    title: "Service point",
    figures: [
      ["counter_line", "the counter line", false],
      ["staff_area", "the area where staff stand", true],
      ["customer_strip", "the strip where customers are served", true],
    ],
  },
  staff_areas: { title: "Staff area", figures: [[null, "the staff area", true]] },
  ignore_areas: { title: "Ignored area", figures: [[null, "the ignored area", true]] },
  floor: { title: "Floor point", figures: [["pixel", "the floor point", false]] },
};
const UNDO_MAX = 100;

export class Model {
  constructor(drawing, size) {
    this.size = size;
    this.load(drawing);
    this.saved();
  }

  load(drawing) {
    const copy = structuredClone(drawing);
    this.drawing = { zones: [], service_points: [], staff_areas: [], ignore_areas: [], ...copy };
    this.drawing.floor ??= { points: [] };
    this.past = [];
  }

  /** As it is sent: without a floor where no point of it is left. */
  plain() {
    const { floor, ...rest } = this.drawing;
    return floor.points.length ? { ...rest, floor } : rest;
  }

  saved() {
    this.kept = JSON.stringify(this.plain());
  }

  get isDirty() {
    return JSON.stringify(this.plain()) !== this.kept;
  }

  shapes(list) {
    return list === "floor" ? this.drawing.floor.points : this.drawing[list];
  }

  /** Every outline, line and spot: {list, index, figure, closed, points}; points is the list itself, to be changed. */
  figures() {
    const found = [];
    for (const list of Object.keys(LISTS))
      this.shapes(list).forEach((shape, index) => {
        LISTS[list].figures.forEach(([key, name, closed], figure) => {
          const points = list === "floor" ? [shape.pixel] : key === null ? shape : shape[key];
          found.push({ list, index, figure, key, name, closed, points, title: this.title(list, index) });
        });
      });
    return found;
  }

  figure(at) {
    return this.figures().find((f) => f.list === at.list && f.index === at.index && f.figure === at.figure);
  }

  title(list, index) {
    const shape = this.shapes(list)[index];
    return shape.name || shape.zone_id || shape.service_point_id || `${LISTS[list].title} ${index + 1}`;
  }

  /** Call it before a change that can be undone. */
  remember() {
    const now = JSON.stringify(this.drawing);
    if (this.past.at(-1) !== now) this.past.push(now);
    if (this.past.length > UNDO_MAX) this.past.shift();
  }

  undo() {
    const now = JSON.stringify(this.drawing);
    while (this.past.length) {
      const before = this.past.pop();
      if (before !== now) {
        this.drawing = JSON.parse(before);
        return true;
      }
    }
    return false;
  }

  inside(x, y) {
    const tenth = (value, most) => Math.round(Math.min(Math.max(value, 0), most) * 10) / 10;
    return [tenth(x, this.size[0]), tenth(y, this.size[1])];
  }

  movePoint(at, x, y) {
    const spot = this.inside(x, y);
    if (at.list === "floor") this.drawing.floor.points[at.index].pixel = spot;
    else this.figure(at).points[at.point] = spot;
  }

  /** The whole shape, as far as the image reaches. */
  moveShape(list, index, dx, dy) {
    const figures = this.figures().filter((f) => f.list === list && f.index === index);
    const all = figures.flatMap((f) => f.points);
    const [width, height] = this.size;
    const within = (d, axis, most) =>
      Math.min(Math.max(d, -Math.min(...all.map((p) => p[axis]))), most - Math.max(...all.map((p) => p[axis])));
    const [x, y] = [within(dx, 0, width), within(dy, 1, height)];
    for (const f of figures)
      f.points.forEach((p, point) => this.movePoint({ list, index, figure: f.figure, point }, p[0] + x, p[1] + y));
  }

  /** A point behind another one; gives its number. */
  insertPoint(at, x, y) {
    this.figure(at).points.splice(at.point + 1, 0, this.inside(x, y));
    return at.point + 1;
  }

  canRemovePoint(at) {
    const figure = this.figure(at);
    return at.list === "floor" || (figure.closed && figure.points.length > 3);
  }

  removePoint(at) {
    if (at.list === "floor") this.drawing.floor.points.splice(at.index, 1);
    else this.figure(at).points.splice(at.point, 1);
  }

  removeShape(list, index) {
    const [gone] = this.shapes(list).splice(index, 1);
    if (list !== "service_points") return;
    // its queues are queues of nothing now, and the server would say so: they become service zones
    for (const zone of this.drawing.zones)
      if (zone.service_point === gone.service_point_id) {
        zone.kind = "service";
        delete zone.service_point;
      }
  }

  /** From what was drawn, one list of points for each figure; gives its index. */
  addShape(list, drawn) {
    const shapes = this.shapes(list);
    if (list === "floor") shapes.push({ pixel: drawn[0][0], floor_m: [0, 0] });
    else if (list === "zones") shapes.push({ zone_id: this.freeId("zone", "zone_id", shapes), kind: "service", polygon: drawn[0] });
    else if (list === "service_points")
      shapes.push({
        service_point_id: this.freeId("counter", "service_point_id", shapes),
        counter_length_m: 1,
        counter_line: drawn[0],
        staff_area: drawn[1],
        customer_strip: drawn[2],
      });
    else shapes.push(drawn[0]);
    return shapes.length - 1;
  }

  freeId(word, key, shapes) {
    const taken = new Set(shapes.map((shape) => shape[key]));
    for (let number = 1; ; number++) if (!taken.has(`${word}-${number}`)) return `${word}-${number}`;
  }

  /** A service point's id, also where queues name it. */
  renamePoint(index, id) {
    const point = this.drawing.service_points[index];
    for (const zone of this.drawing.zones) if (zone.service_point === point.service_point_id) zone.service_point = id;
    point.service_point_id = id;
  }

  setKind(index, kind) {
    const zone = this.drawing.zones[index];
    zone.kind = kind;
    const first = this.drawing.service_points[0];
    if (kind === "queue" && first) zone.service_point = first.service_point_id;
    else delete zone.service_point;
  }
}
