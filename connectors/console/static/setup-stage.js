// The frame with what is drawn on it: moved by mouse, finger and keys. Says through `on` what happened.
import { LISTS } from "./setup-model.js";
import { Picture } from "./setup-picture.js";

const STEP = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const SLOP_PX = 4;

export class Stage {
  /** on: {selected(), changed(), drawn(list, figures), hint(text)} */
  constructor(svg, model, editable, on) {
    Object.assign(this, { svg, model, editable, on, at: null, draft: null, drag: null, wrongs: new Set() });
    this.picture = new Picture(svg, model, editable);
    svg.addEventListener("pointerdown", (event) => this.down(event));
    svg.addEventListener("pointermove", (event) => this.move(event));
    svg.addEventListener("pointerup", () => this.up());
    svg.addEventListener("pointercancel", () => this.up());
    svg.addEventListener("click", (event) => this.click(event));
    svg.addEventListener("keydown", (event) => this.key(event));
    svg.addEventListener("focusin", (event) => {
      const at = this.spot(event.target);
      if (at && at.point !== undefined && !this.draft) this.choose(at);
    });
    new ResizeObserver(() => this.render()).observe(svg);
  }

  /** What a part of the picture stands for. */
  spot(target) {
    const data = target.closest?.("[data-list]")?.dataset;
    if (!data) return null;
    const at = { list: data.list, index: Number(data.index), figure: Number(data.figure ?? 0) };
    if (data.point !== undefined) at.point = Number(data.point);
    if (data.after !== undefined) at.after = Number(data.after);
    return at;
  }

  place(event) {
    const box = this.svg.getBoundingClientRect();
    const [width, height] = this.model.size;
    return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
  }

  choose(at) {
    const same = JSON.stringify(at) === JSON.stringify(this.at);
    this.at = at;
    if (same) return;
    this.render();
    this.on.selected();
  }

  // drawing something new

  begin(list) {
    this.draft = { list, done: [], points: [], aim: [this.model.size[0] / 2, this.model.size[1] / 2] };
    this.choose(null);
    this.ask();
    this.svg.focus({ preventScroll: true });
  }

  /** What is drawn now: [key, name, closed]. */
  get wanted() {
    return LISTS[this.draft.list].figures[this.draft.done.length];
  }

  ask() {
    const [, name, closed] = this.wanted;
    const how = closed
      ? "tap its corners; Enter, Close or its first corner closes it"
      : this.draft.list === "floor"
        ? "tap a spot of floor of which you know the place"
        : "tap one end, then the other";
    this.on.hint(`Draw ${name}: ${how}. Keys: arrows aim, Space sets a point, Escape leaves.`);
    this.render();
  }

  add([x, y]) {
    const { points, list } = this.draft;
    const spot = this.model.inside(x, y);
    const last = points.at(-1);
    if (last && last[0] === spot[0] && last[1] === spot[1]) return;
    points.push(spot);
    const most = this.wanted[2] ? Infinity : list === "floor" ? 1 : 2;
    if (points.length >= most) this.finish();
    else this.render();
  }

  finish() {
    const { points, done, list } = this.draft;
    if (this.wanted[2] && points.length < 3) return this.on.hint("Three points at least: an area has that many corners.");
    done.push(points);
    if (done.length < LISTS[list].figures.length) {
      this.draft.points = [];
      return this.ask();
    }
    this.draft = null;
    this.on.drawn(list, done);
  }

  leave() {
    this.draft = null;
    this.on.hint("");
    this.render();
  }

  // mouse and finger

  down(event) {
    if (this.draft || !this.editable || event.button) return;
    const at = this.spot(event.target);
    if (!at) return;
    const [x, y] = this.place(event);
    if (at.after !== undefined) {
      this.model.remember();
      const point = this.model.insertPoint({ ...at, point: at.after }, x, y);
      this.at = { list: at.list, index: at.index, figure: at.figure, point };
      this.drag = { moved: true };
      this.on.changed();
    } else if (at.point !== undefined) {
      this.model.remember();
      this.choose(at);
      this.drag = { moved: false, from: [event.clientX, event.clientY] };
    } else if (this.at && this.at.list === at.list && this.at.index === at.index) {
      this.model.remember();
      this.drag = { whole: true, moved: false, from: [event.clientX, event.clientY], last: [x, y] };
    } else return;
    event.preventDefault();
    this.svg.setPointerCapture(event.pointerId);
    this.render();
    this.refocus();
  }

  move(event) {
    const { drag } = this;
    if (!drag) {
      if (this.draft) {
        this.draft.aim = this.model.inside(...this.place(event));
        this.render();
      }
      return;
    }
    if (!drag.moved && Math.hypot(event.clientX - drag.from[0], event.clientY - drag.from[1]) < SLOP_PX) return;
    drag.moved = true;
    const [x, y] = this.place(event);
    if (drag.whole) {
      this.model.moveShape(this.at.list, this.at.index, x - drag.last[0], y - drag.last[1]);
      drag.last = [x, y];
    } else this.model.movePoint(this.at, x, y);
    this.render();
  }

  up() {
    const { drag } = this;
    this.drag = null;
    if (drag?.moved) {
      this.swallow = true; // the click that ends a drag chooses nothing
      setTimeout(() => (this.swallow = false));
      this.on.changed();
      this.refocus();
    }
  }

  click(event) {
    if (this.swallow) return;
    if (this.draft) {
      const first = this.draft.points[0];
      const [x, y] = this.place(event);
      const closes = first && this.wanted[2] && this.draft.points.length > 2;
      if (closes && Math.hypot(x - first[0], y - first[1]) < 14 * this.picture.unit) this.finish();
      else this.add([x, y]);
    } else {
      const at = this.spot(event.target);
      if (!at || at.point === undefined) this.choose(at && { list: at.list, index: at.index, figure: at.figure });
    }
  }

  // keys

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.draft ? this.keyOfDraft(event) : this.keyOfPoint(event)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  keyOfDraft({ key, shiftKey }) {
    const { draft } = this;
    if (STEP[key]) {
      const far = shiftKey ? 50 : 10;
      draft.aim = this.model.inside(draft.aim[0] + STEP[key][0] * far, draft.aim[1] + STEP[key][1] * far);
      this.render();
    } else if (key === " ") this.add(draft.aim);
    else if (key === "Enter") this.finish();
    else if (key === "Escape") this.leave();
    else if (key === "Backspace") {
      draft.points.pop();
      this.render();
    } else return false;
    return true;
  }

  keyOfPoint({ key, shiftKey }) {
    const { at, model } = this;
    if (key === "Escape") {
      this.choose(null);
      return true;
    }
    if (!at || at.point === undefined || !this.editable) return false;
    const [x, y] = model.figure(at).points[at.point];
    if (STEP[key]) {
      model.remember();
      const far = shiftKey ? 10 : 1;
      model.movePoint(at, x + STEP[key][0] * far, y + STEP[key][1] * far);
    } else if (key === "Delete" || key === "Backspace") return this.removePoint();
    else if ((key === "Insert" || key === "+") && model.figure(at).closed) {
      model.remember();
      const { points } = model.figure(at);
      const next = points[(at.point + 1) % points.length];
      this.at = { ...at, point: model.insertPoint(at, (x + next[0]) / 2, (y + next[1]) / 2) };
    } else return false;
    this.on.changed();
    this.render();
    this.refocus();
    return true;
  }

  removePoint() {
    const { at, model } = this;
    if (!at || at.point === undefined) return false;
    if (!model.canRemovePoint(at)) {
      this.on.hint("Fewer points make no such shape: delete the whole shape, in the list.");
      return true;
    }
    model.remember();
    model.removePoint(at);
    const left = at.list === "floor" ? 0 : model.figure(at).points.length;
    this.at = left ? { ...at, point: Math.min(at.point, left - 1) } : null;
    this.on.changed();
    this.render();
    this.refocus();
    return true;
  }

  refocus() {
    this.picture.layers.handles.querySelector(".chosen")?.focus({ preventScroll: true });
  }

  render() {
    const hadFocus = this.picture.layers.handles.contains(document.activeElement);
    this.picture.render(this.at, this.draft && { ...this.draft, wanted: this.wanted }, this.wrongs);
    if (hadFocus) this.refocus();
  }
}
