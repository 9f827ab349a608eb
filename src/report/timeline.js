// The timelines: rows, zoom, pan, keyboard and tooltips. All timelines of a page share one view.

const MOST_ROWS = { cpu: 64, task: 60, lock: 30 };
const SHORTEST_VIEW = 50;  // nanoseconds
const MARK_ROW = 24;

class View {
  constructor(end) {
    this.end = Math.max(end, SHORTEST_VIEW);
    this.t0 = 0;
    this.t1 = this.end;
    this.listeners = [];
  }

  show(t0, t1) {
    const span = Math.min(Math.max(t1 - t0, SHORTEST_VIEW), this.end);
    const middle = (t0 + t1) / 2;
    this.t0 = Math.min(Math.max(middle - span / 2, 0), this.end - span);
    this.t1 = this.t0 + span;
    for (const listener of this.listeners) listener();
  }

  span() { return this.t1 - this.t0; }
  all() { this.show(0, this.end); }
  pan(dt) { this.show(this.t0 + dt, this.t1 + dt); }
  // What is at t stays where it is.
  zoom(t, factor) {
    const span = Math.min(Math.max(this.span() * factor, SHORTEST_VIEW), this.end);
    const share = (t - this.t0) / this.span();
    this.show(t - share * span, t + (1 - share) * span);
  }
}

// The rows shown, in order: [{ kind, index, name }] with headings of kind "group".
function layOutRows(run) {
  const rows = [];
  const group = (title, short, kind, names, order) => {
    const shown = order.slice(0, MOST_ROWS[kind]).sort((x, y) => x - y);
    if (shown.length === 0) return;
    const note = shown.length < order.length
      ? `${shown.length} of ${order.length}, the busiest` : "";
    rows.push({ kind: "group", name: note ? `${title} (${note})` : title, short });
    for (const index of shown) {
      const marked = kind === "task" && index === run.marked;
      // A bracket goes above its row; beside a heading there is room for it.
      if (marked && rows[rows.length - 1].kind !== "group") rows.push({ kind: "mark" });
      if (marked) rows[rows.length - 1].mark = true;
      rows.push({ kind, index, name: names[index] });
    }
  };
  const numbers = (things) => things.map((_, index) => index);
  const sum = (track) => track.busy[track.size];
  if (run.knowsRuns) {
    group("What each CPU runs", "CPUs", "cpu", run.cpus.map((_, cpu) => `CPU ${cpu}`),
      numbers(run.cpus));
  }
  group("What each task does", "Tasks", "task", run.tasks,
    numbers(run.tasks).filter((task) => run.knowsRuns || run.activity(task) > 0)
      .sort((x, y) => run.activity(y) - run.activity(x) || x - y));
  if (run.knowsHolds) {
    group("Who holds each lock", "Locks", "lock", run.locks,
      numbers(run.locks).sort((x, y) => sum(run.held[y]) - sum(run.held[x]) || x - y));
  }
  return rows;
}

function heightOf(row) {
  if (row.kind === "group") return GROUP_ROW;
  return row.kind === "mark" ? MARK_ROW : ROWS[row.kind].height;
}

class Timeline {
  constructor(holder, run, view, colourOf, tip) {
    Object.assign(this, { holder, run, view, tip });
    this.colour = (task) => colourOf.get(run.tasks[task]);
    this.rows = layOutRows(run);
    let y = AXIS;
    for (const row of this.rows) {
      row.y = y;
      y += heightOf(row);
    }
    this.height = y + 6;
    this.taskY = new Map(this.rows.filter((row) => row.kind === "task")
      .map((row) => [row.index, row.y + ROWS.task.height / 2]));
    this.mark = run.marked >= 0 ? run.longestWait(run.marked) : null;
    this.canvas = element("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", `Timeline of the run "${run.label}": what CPUs, tasks ` +
      "and locks do over time. Arrow keys move and zoom, Home shows all.");
    this.canvas.style.height = `${this.height}px`;
    this.cursor = element("div", "cursor");
    this.cursor.append(element("span"));
    holder.append(this.canvas, this.cursor);
    this.painter = new Painter(this.canvas);
    this.listen();
  }

  get gutter() { return this.holder.clientWidth < 560 ? 92 : 150; }

  paint(theme) {
    const width = this.holder.clientWidth;
    if (width === 0) return;
    this.canvas.style.width = `${width}px`;
    const p = this.painter;
    p.begin(width, this.height, this.gutter, width - 14, this.view, theme);
    this.rows.forEach((row, n) => {
      if (row.kind !== "group" && row.kind !== "mark" && row.index % 2 === 0) {
        p.rect(p.x0, p.x1, row.y, heightOf(row), theme.stripe);
      }
    });
    p.axis(0, this.height - 6);
    this.paintGutter(p);
    const c = p.context;
    c.save();
    c.beginPath();
    c.rect(p.x0, 0, p.x1 - p.x0, this.height);
    c.clip();
    for (const row of this.rows) {
      if (row.kind === "cpu") paintCpuRow(p, this.run, this.colour, row, row.y);
      if (row.kind === "task") paintTaskRow(p, this.run, this.colour, row, row.y);
      if (row.kind === "lock") paintLockRow(p, this.run, this.colour, row, row.y);
      if (row.mark && this.mark) paintMark(p, this.mark, row.y + heightOf(row) - 5);
    }
    paintHandoffs(p, this.run, (task) => this.taskY.get(task));
    // Beyond the end of a run that is shorter than the others there is nothing.
    if (this.run.end < this.view.t1) {
      p.rect(Math.max(p.x(this.run.end), p.x0), p.x1, AXIS, this.height - AXIS,
        p.hatch(theme.grid, 8, 0.2));
    }
    c.restore();
  }

  paintGutter(p) {
    const c = p.context;
    for (const row of this.rows) {
      const middle = row.y + heightOf(row) / 2;
      c.textAlign = "left";
      if (row.kind === "group") {
        c.font = `600 11px ${FONT}`;
        c.fillStyle = p.theme.muted;
        const fits = p.textWidth(row.name, c.font) <= p.x0 - 8 || !row.mark;
        c.fillText(fits ? row.name : row.short, 2, row.y + GROUP_ROW - 9);
      } else if (row.kind !== "mark") {
        const isTask = row.kind === "task";
        if (isTask) {
          c.fillStyle = this.colour(row.index);
          c.fillRect(8, middle - 5, 10, 10);
        }
        c.font = `500 12px ${FONT}`;
        c.fillStyle = p.theme.ink;
        c.fillText(this.shortened(p, row.name, c.font, p.x0 - (isTask ? 32 : 18)),
          isTask ? 24 : 8, middle + 0.5);
      }
    }
  }

  shortened(p, name, font, width) {
    if (p.textWidth(name, font) <= width) return name;
    let length = name.length - 1;
    while (length > 1 && p.textWidth(name.slice(0, length) + "\u2026", font) > width) --length;
    return name.slice(0, length) + "\u2026";
  }

  // --- Input

  timeAt(event) {
    const x = event.clientX - this.canvas.getBoundingClientRect().left;
    const left = this.gutter;
    const right = this.holder.clientWidth - 14;
    const t = this.view.t0 + ((x - left) / (right - left)) * this.view.span();
    return { t, inside: x >= left && x <= right };
  }

  rowAt(event) {
    const y = event.clientY - this.canvas.getBoundingClientRect().top;
    return this.rows.find((row) => y >= row.y && y < row.y + heightOf(row));
  }

  listen() {
    const canvas = this.canvas;
    canvas.addEventListener("wheel", (event) => {
      const { t, inside } = this.timeAt(event);
      if (!inside) return;  // over the names the page scrolls
      event.preventDefault();
      const along = event.shiftKey ? event.deltaY : event.deltaX;
      if (Math.abs(along) > Math.abs(event.deltaY) || event.shiftKey) {
        this.view.pan((along / 500) * this.view.span());
      } else {
        this.view.zoom(t, Math.exp(Math.max(-80, Math.min(80, event.deltaY)) / 250));
      }
    }, { passive: false });
    this.listenToPointers();
    canvas.addEventListener("dblclick", (event) => this.view.zoom(this.timeAt(event).t, 0.4));
    canvas.addEventListener("keydown", (event) => this.onKey(event));
  }

  listenToPointers() {
    const canvas = this.canvas;
    const down = new Map();
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      down.set(event.pointerId, event.clientX);
      canvas.setPointerCapture(event.pointerId);
    });
    const up = (event) => {
      down.delete(event.pointerId);
      canvas.classList.remove("dragging");
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointermove", (event) => {
      if (down.has(event.pointerId)) this.drag(down, event); else this.hover(event);
    });
    canvas.addEventListener("pointerleave", () => this.tip.hide());
  }

  // One pointer moves the view, two stretch it.
  drag(down, event) {
    const before = down.get(event.pointerId);
    const width = this.holder.clientWidth - 14 - this.gutter;
    const dx = event.clientX - before;
    if (dx === 0) return;
    const others = [...down].filter(([id]) => id !== event.pointerId).map(([, x]) => x);
    down.set(event.pointerId, event.clientX);
    this.canvas.classList.add("dragging");
    this.tip.hide();
    if (others.length === 0) {
      this.view.pan((-dx / width) * this.view.span());
    } else {
      const old = Math.max(20, Math.abs(before - others[0]));
      const now = Math.max(20, Math.abs(event.clientX - others[0]));
      this.view.zoom(this.timeAt(event).t, old / now);
    }
  }

  hover(event) {
    const { t, inside } = this.timeAt(event);
    const row = this.rowAt(event);
    if (!inside || t > this.run.end) {
      this.tip.hide();
      return;
    }
    this.tip.show(event, t, row ? describe(this.run, row, t) : []);
  }

  onKey(event) {
    const view = this.view;
    const middle = (view.t0 + view.t1) / 2;
    const actions = {
      ArrowLeft: () => view.pan(-0.15 * view.span()),
      ArrowRight: () => view.pan(0.15 * view.span()),
      ArrowUp: () => view.zoom(middle, 0.7),
      ArrowDown: () => view.zoom(middle, 1 / 0.7),
      "+": () => view.zoom(middle, 0.7),
      "-": () => view.zoom(middle, 1 / 0.7),
      Home: () => view.all(),
      0: () => view.all(),
      n: () => this.jump(1),
      p: () => this.jump(-1),
    };
    if (event.ctrlKey || event.metaKey || event.altKey || !actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }

  // To the next or previous work done on behalf of another task.
  jump(direction) {
    const middle = (this.view.t0 + this.view.t1) / 2;
    let best = null;
    for (const track of this.run.lent) {
      let i = track.firstStartingAt(middle);
      if (direction > 0) {
        while (i < track.size && (track.start[i] + track.end[i]) / 2 <= middle + 1) ++i;
      } else {
        do --i; while (i >= 0 && (track.start[i] + track.end[i]) / 2 >= middle - 1);
      }
      if (i < 0 || i >= track.size) continue;
      const found = { start: track.start[i], end: track.end[i] };
      if (!best || (found.start - best.start) * direction < 0) best = found;
    }
    if (!best) return;
    const length = best.end - best.start;
    const span = Math.min(Math.max(this.view.span(), length * 3), length * 60);
    this.view.show((best.start + best.end) / 2 - span / 2, (best.start + best.end) / 2 + span / 2);
  }

  showCursor(t) {
    const inside = t !== null && t >= this.view.t0 && t <= this.view.t1;
    this.cursor.style.display = inside ? "block" : "none";
    if (!inside) return;
    const width = this.holder.clientWidth - 14 - this.gutter;
    const share = (t - this.view.t0) / this.view.span();
    this.cursor.style.left = `${this.gutter + share * width}px`;
    this.cursor.classList.toggle("flip", share > 0.85);
    this.cursor.firstChild.textContent = formatTick(t, this.view.span() / 1000, this.view.t1);
  }
}

// --- Tooltips

function lasting(track, i) {
  return `${formatTime(track.end[i] - track.start[i])}, from ${formatTime(track.start[i])} to ` +
    formatTime(track.end[i]);
}

// Lines of text on what a row shows at instant t; the first is a heading.
function describe(run, row, t) {
  if (row.kind === "cpu") return describeCpu(run, row, t);
  if (row.kind === "task") return describeTask(run, row.index, t);
  return row.kind === "lock" ? describeLock(run, row.index, t) : [];
}

function describeCpu(run, row, t) {
  const track = run.cpus[row.index];
  const i = track.at(t);
  if (i < 0) return [`${row.name} is idle`];
  const exec = run.tasks[track.a[i]];
  const donor = run.tasks[track.b[i]];
  if (exec === donor) return [`${row.name} runs ${exec}`, lasting(track, i)];
  return [`${row.name} runs ${exec} for ${donor}`, lasting(track, i),
    `${exec} executes; ${donor} is charged`];
}

function describeTask(run, task, t) {
  const name = run.tasks[task];
  const ran = run.ran[task].at(t);
  if (ran >= 0) {
    const track = run.ran[task];
    const donor = run.tasks[track.b[ran]];
    return track.a[ran] === track.b[ran] ? [`${name} runs`, lasting(track, ran)]
      : [`${name} runs for ${donor}`, lasting(track, ran), `${donor} is charged`];
  }
  const chain = run.chainAt(task, t);
  if (chain.length > 0) {
    const lent = run.lent[task].at(t);
    const blocked = run.blocked[task];
    const lines = [lent < 0 ? `${name} waits for ${run.locks[chain[0].lock]}`
      : `${name} lends its context to ${run.tasks[run.lent[task].a[lent]]}`];
    lines.push(lasting(blocked, blocked.at(t)));
    for (const link of run.knowsHolds ? chain : []) {
      const owner = link.owner < 0 ? "held by nobody" : `held by ${run.tasks[link.owner]}`;
      lines.push(`${run.tasks[link.task]} \u2192 ${run.locks[link.lock]}, ${owner}`);
    }
    return lines;
  }
  const waits = run.runnable[task].at(t);
  if (waits >= 0) {
    return [`${name} is runnable, but does not run`, lasting(run.runnable[task], waits)];
  }
  return [run.knowsRuns ? `${name} has nothing to do` : `${name} does not wait for a lock`];
}

function describeLock(run, lock, t) {
  const held = run.held[lock];
  const i = held.at(t);
  const lines = i < 0 ? [`${run.locks[lock]} is free`]
    : [`${run.locks[lock]} is held by ${run.tasks[held.a[i]]}`, lasting(held, i)];
  const waiting = run.waiting[lock].at(t);
  if (waiting >= 0) {
    const track = run.waiting[lock];
    const more = track.a[waiting] - 1;
    lines.push(`${run.tasks[track.b[waiting]]} waits` + (more > 0 ? `, and ${more} more` : ""));
  }
  return lines;
}

class Tip {
  constructor() {
    this.box = element("div", "tip");
    document.body.append(this.box);
    this.timelines = [];
  }

  show(event, t, lines) {
    for (const timeline of this.timelines) timeline.showCursor(t);
    this.box.replaceChildren(...lines.map((line, n) => element(n ? "p" : "strong", "", line)));
    this.box.style.display = lines.length > 0 ? "block" : "none";
    const { offsetWidth: width, offsetHeight: height } = this.box;
    const left = Math.min(event.clientX + 14, window.innerWidth - width - 8);
    const below = event.clientY + 18;
    const top = below + height > window.innerHeight ? event.clientY - height - 12 : below;
    this.box.style.left = `${Math.max(8, left)}px`;
    this.box.style.top = `${top}px`;
  }

  hide() {
    for (const timeline of this.timelines) timeline.showCursor(null);
    this.box.style.display = "none";
  }
}

// --- The page

function addControls(holder, view) {
  const bar = element("div", "controls");
  const button = (text, title, action) => {
    const node = element("button", "", text);
    node.type = "button";
    node.title = title;
    node.addEventListener("click", action);
    bar.append(node);
  };
  const middle = () => (view.t0 + view.t1) / 2;
  button("Zoom in", "key +, or the wheel", () => view.zoom(middle(), 0.5));
  button("Zoom out", "key -, or the wheel", () => view.zoom(middle(), 2));
  button("Show all", "key Home", () => view.all());
  button("Light or dark", "the other colour scheme", () => {
    chooseOtherTheme();
    view.show(view.t0, view.t1);
  });
  bar.append(element("span", "hint",
    "Wheel zooms, dragging moves; arrow keys too. n and p jump to lent work."));
  holder.append(bar, legend());
}

function legend() {
  const list = element("ul", "legend");
  const entries = [
    ["ran", "runs, in the task's colour"],
    ["proxy", "runs for another task: striped in the colour of the one that is charged"],
    ["lent", "waits and lends its scheduling context"],
    ["blocked", "waits for a lock"],
    ["runnable", "ready, but does not run"],
    ["strip", "a lock, in its holder's colour; underlined while others wait for it"],
    ["arrow", "the lock is handed over"],
  ];
  for (const [kind, text] of entries) {
    const entry = element("li");
    entry.append(element("i", `key-${kind}`), element("span", "", text));
    list.append(entry);
  }
  return list;
}

// The longest wait of the marked task with some room on both sides; null if there is none.
function detailOf(timeline) {
  if (!timeline.mark) return null;
  const room = 1.5 * (timeline.mark.end - timeline.mark.start);
  return [timeline.mark.start - room, timeline.mark.end + room];
}

function startTimelines(runs) {
  const models = runs.map((run) => new RunModel(run));
  const colours = assignColours(models.flatMap((model) => model.tasks));
  const end = Math.max(0, ...models.map((model) => model.end));
  const view = new View(end);
  const views = [view];
  const tip = new Tip();
  for (const holder of document.querySelectorAll("[data-controls]")) addControls(holder, view);
  for (const holder of document.querySelectorAll("[data-run]")) {
    const model = models[Number(holder.dataset.run)];
    if (!("detail" in holder.dataset)) {
      tip.timelines.push(new Timeline(holder, model, view, colours, tip));
      continue;
    }
    // A magnified part has a view of its own.
    const own = new View(end);
    const timeline = new Timeline(holder, model, own, colours, tip);
    const part = detailOf(timeline);
    if (part) own.show(...part);
    views.push(own);
    tip.timelines.push(timeline);
  }
  for (const swatch of document.querySelectorAll("[data-task]")) {
    const run = models[Number(swatch.closest("[data-of-run]").dataset.ofRun)];
    swatch.style.background = colours.get(run.tasks[Number(swatch.dataset.task)]);
  }
  const paintAll = () => {
    const theme = themeColours();
    for (const timeline of tip.timelines) timeline.paint(theme);
  };
  let scheduled = false;
  const repaint = () => {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      paintAll();
    });
  };
  for (const one of views) one.listeners.push(repaint);
  window.addEventListener("resize", repaint);
  window.addEventListener("beforeprint", paintAll);
  prefersDark.addEventListener("change", () => {
    followSystemTheme();
    repaint();
  });
  paintAll();
}
