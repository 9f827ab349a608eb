// Drawing of rows on a canvas. A row is walked from pixel to pixel, not from interval to interval:
// what is narrower than a pixel is summed up per column.

const GROUP_ROW = 26;
const AXIS = 30;
const ROWS = {
  cpu: { height: 30, bar: 22 },
  task: { height: 25, bar: 17 },
  lock: { height: 23, bar: 13 },
};

class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.patterns = new Map();
    this.widths = new Map();
  }

  // Starts a frame of that size in CSS pixels; view = { t0, t1 } lies between x0 and x1.
  begin(width, height, x0, x1, view, theme) {
    const ratio = window.devicePixelRatio || 1;
    const pixelWidth = Math.round(width * ratio);
    const pixelHeight = Math.round(height * ratio);
    if (this.canvas.width !== pixelWidth || this.canvas.height !== pixelHeight) {
      this.canvas.width = pixelWidth;
      this.canvas.height = pixelHeight;
    }
    if (this.ratio !== ratio) this.patterns.clear();
    Object.assign(this, { ratio, width, height, x0, x1, view, theme });
    this.scale = (x1 - x0) / (view.t1 - view.t0);
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, width, height);
    this.context.textBaseline = "middle";
    this.columns = [[], []];
  }

  x(t) { return this.x0 + (t - this.view.t0) * this.scale; }
  t(x) { return this.view.t0 + (x - this.x0) / this.scale; }
  // On the grid of device pixels, so that edges are sharp.
  snap(x) { return Math.round(x * this.ratio) / this.ratio; }

  rect(xa, xb, y, height, fill) {
    const left = this.snap(xa);
    const right = Math.max(this.snap(xb), left + 1 / this.ratio);
    this.context.fillStyle = fill;
    this.context.fillRect(left, this.snap(y), right - left, height);
    return { left, right };
  }

  // A column one pixel wide; columns of one look side by side become one rectangle. Nothing is
  // drawn before flush(), then `layer` by layer.
  column(layer, x, y, height, fill) {
    const runs = this.columns[layer];
    const last = runs[runs.length - 1];
    if (last && last.end === x && last.fill === fill && last.y === y && last.height === height) {
      last.end = x + 1;
    } else {
      runs.push({ start: x, end: x + 1, y, height, fill });
    }
  }

  flush() {
    for (const runs of this.columns) {
      for (const run of runs) this.rect(run.start, run.end, run.y, run.height, run.fill);
    }
    this.columns = [[], []];
  }

  // Diagonal lines of `colour` on transparent ground; `share` of the ground is covered.
  hatch(colour, period, share) {
    const key = `${colour} ${period} ${share}`;
    if (!this.patterns.has(key)) {
      const size = Math.round(period * this.ratio);
      const tile = document.createElement("canvas");
      tile.width = tile.height = size;
      const c = tile.getContext("2d");
      c.strokeStyle = colour;
      c.lineWidth = size * share * Math.SQRT1_2;
      c.lineCap = "square";
      c.beginPath();
      for (const shift of [-size, 0, size]) {
        c.moveTo(shift - size / 2, size * 1.5);
        c.lineTo(shift + size * 1.5, -size / 2);
      }
      c.stroke();
      const pattern = this.context.createPattern(tile, "repeat");
      pattern.setTransform(new DOMMatrix().scale(1 / this.ratio));
      this.patterns.set(key, pattern);
    }
    return this.patterns.get(key);
  }

  textWidth(text, font) {
    const key = font + text;
    if (!this.widths.has(key)) {
      if (this.widths.size > 5000) this.widths.clear();
      this.context.font = font;
      this.widths.set(key, this.context.measureText(text).width);
    }
    return this.widths.get(key);
  }

  // The first of the texts that fits between xa and xb, centred, on a ground of its own if given.
  label(xa, xb, y, texts, ink, ground, size = 11.5, weight = 500) {
    const left = Math.max(xa, this.x0);
    const right = Math.min(xb, this.x1);
    const font = `${weight} ${size}px ${FONT}`;
    for (const text of texts) {
      const width = this.textWidth(text, font);
      if (width + 8 > right - left) continue;
      const middle = (left + right) / 2;
      if (ground) {
        this.context.fillStyle = ground;
        this.context.beginPath();
        this.context.roundRect(middle - width / 2 - 4, y - size / 2 - 2.5, width + 8, size + 5, 3);
        this.context.fill();
      }
      this.context.font = font;
      this.context.textAlign = "center";
      this.context.fillStyle = ink;
      this.context.fillText(text, middle, y + 0.5);
      return;
    }
  }

  // Calls span(i, xa, xb) for what is wide enough to be seen by itself and column(i, j, x, cover)
  // for a pixel column that the intervals i .. j-1 cover to the share `cover`. Draws what is left
  // of columns at the end.
  walk(track, span, column) {
    const { x0, x1, view } = this;
    let i = track.firstEndingAfter(view.t0);
    while (i < track.size && track.start[i] < view.t1) {
      const xa = this.x(track.start[i]);
      const xb = this.x(track.end[i]);
      if (xb - xa >= 1.5) {
        span(i, Math.max(xa, x0), Math.min(xb, x1));
        ++i;
        continue;
      }
      const x = Math.floor(Math.max(xa, x0));
      const until = this.t(x + 1);
      let j = Math.max(i + 1, track.firstStartingAt(until, i));
      // The last one may reach far beyond the column: it is drawn by itself.
      if (j - 1 > i && (track.end[j - 1] - track.start[j - 1]) * this.scale >= 1.5) --j;
      const cover = Math.min(1, ((track.busy[j] - track.busy[i]) * this.scale));
      column(i, j, x, cover);
      i = j;
    }
    this.flush();
  }

  axis(top, bottom) {
    const { context: c, theme, view } = this;
    const step = niceStep(110 / this.scale);
    const first = Math.ceil(view.t0 / step - 1e-9);
    const last = Math.floor(view.t1 / step + 1e-9);
    c.font = `400 11px ${FONT}`;
    for (let k = first; k <= last; ++k) {
      const x = this.snap(this.x(k * step));
      c.fillStyle = theme.grid;
      c.fillRect(x, top + AXIS - 6, 1 / this.ratio, bottom - top - AXIS + 6);
      const text = formatTick(k * step, step, view.t1);
      const half = this.textWidth(text, c.font) / 2;
      c.fillStyle = theme.muted;
      c.textAlign = "center";
      c.fillText(text, Math.min(Math.max(x, this.x0 + half), this.x1 - half), top + 11);
    }
    c.fillStyle = theme.faint;
    c.fillRect(this.x0, this.snap(top + AXIS - 6), this.x1 - this.x0, 1 / this.ratio);
  }
}

// --- One function for each kind of row. `run` is a RunModel, `colour(task)` a colour.

function paintCpuRow(p, run, colour, row, y) {
  const { bar } = ROWS.cpu;
  const top = y + (ROWS.cpu.height - bar) / 2;
  const track = run.cpus[row.index];
  const proxied = (i) => track.a[i] !== track.b[i];
  p.walk(track, (i, xa, xb) => {
    const own = colour(track.a[i]);
    const { left, right } = p.rect(xa, xb, top, bar, own);
    const name = run.tasks[track.a[i]];
    if (!proxied(i)) {
      p.label(left, right, top + bar / 2, [name], inkOn(own), null);
    } else {
      p.rect(xa, xb, top, bar, p.hatch(colour(track.b[i]), 9, 0.5));
      const donor = run.tasks[track.b[i]];
      p.label(left, right, top + bar / 2, [`${name} for ${donor}`, name], inkOn(own), own, 11.5,
        600);
    }
    if (right - left > 5) p.rect(right - 1, right, top, bar, p.theme.paper);
  }, (i, j, x, cover) => {
    const main = track.longest(i, j);
    if (main < 0) return;
    p.column(0, x, top, bar, withAlpha(colour(track.a[main]), 0.25 + 0.75 * cover));
    // Work for others is never too short to be seen.
    if (track.lent[j] <= track.lent[i]) return;
    const donor = colour(track.b[someLent(track, i, j)]);
    const share = (track.lent[j] - track.lent[i]) / (track.busy[j] - track.busy[i]);
    const height = Math.max(4, Math.round(bar * share));
    p.column(1, x, top + bar - height, height, donor);
  });
}

function paintRunnable(p, track, top, bar) {
  const height = 5;
  const y = top + (bar - height) / 2;
  p.walk(track, (i, xa, xb) => p.rect(xa, xb, y, height, p.theme.runnable),
    (i, j, x) => p.column(0, x, y, height, p.theme.runnable));
}

function paintBlocked(p, run, track, top, bar) {
  const pale = withAlpha(p.theme.blocked, 0.14);
  p.walk(track, (i, xa, xb) => {
    p.rect(xa, xb, top, bar, pale);
    p.rect(xa, xb, top + bar - 2, 2, p.theme.blocked);
    const lock = run.locks[track.a[i]];
    p.label(xa, xb, top + bar / 2 - 1, [`waits for ${lock}`, lock], p.theme.ink, null, 10.5, 400);
  }, (i, j, x, cover) => {
    p.column(0, x, top, bar, pale);
    p.column(1, x, top + bar - 2, 2, withAlpha(p.theme.blocked, 0.4 + 0.6 * cover));
  });
}

function paintLent(p, run, track, own, top, bar) {
  p.walk(track, (i, xa, xb) => {
    p.rect(xa, xb, top, bar, p.theme.paper);
    p.rect(xa, xb, top, bar, withAlpha(own, 0.22));
    p.rect(xa, xb, top, bar, p.hatch(own, 7, 0.3));
    p.rect(xa, xb, top + bar - 2, 2, own);
    const owner = run.tasks[track.a[i]];
    p.label(xa, xb, top + bar / 2 - 1, [`lends to ${owner}`, owner], p.theme.ink, p.theme.paper,
      10.5, 500);
  }, (i, j, x, cover) => p.column(0, x, top, bar, withAlpha(own, 0.3 + 0.4 * cover)));
}

function paintRan(p, run, colour, track, own, top, bar) {
  p.walk(track, (i, xa, xb) => {
    const { left, right } = p.rect(xa, xb, top, bar, own);
    if (track.a[i] === track.b[i]) return;
    p.rect(xa, xb, top, bar, p.hatch(colour(track.b[i]), 9, 0.5));
    const donor = run.tasks[track.b[i]];
    p.label(left, right, top + bar / 2, [`for ${donor}`], inkOn(own), own, 10.5, 600);
  }, (i, j, x, cover) => {
    p.column(0, x, top, bar, withAlpha(own, 0.35 + 0.65 * cover));
    if (track.lent[j] <= track.lent[i]) return;
    p.column(1, x, top + bar - 5, 5, colour(track.b[someLent(track, i, j)]));
  });
}

function paintTaskRow(p, run, colour, row, y) {
  const { bar, height } = ROWS.task;
  const top = y + (height - bar) / 2;
  const own = colour(row.index);
  paintRunnable(p, run.runnable[row.index], top, bar);
  paintBlocked(p, run, run.blocked[row.index], top, bar);
  paintLent(p, run, run.lent[row.index], own, top, bar);
  paintRan(p, run, colour, run.ran[row.index], own, top, bar);
}

function paintLockRow(p, run, colour, row, y) {
  const { bar, height } = ROWS.lock;
  const top = y + (height - bar) / 2 - 1;
  const held = run.held[row.index];
  p.walk(held, (i, xa, xb) => {
    const own = colour(held.a[i]);
    const { left, right } = p.rect(xa, xb, top, bar, own);
    const name = run.tasks[held.a[i]];
    p.label(left, right, top + bar / 2, [`held by ${name}`, name], inkOn(own), null, 10.5, 500);
    if (right - left > 5) p.rect(right - 1, right, top, bar, p.theme.paper);
  }, (i, j, x, cover) => {
    const main = held.longest(i, j);
    p.column(0, x, top, bar, withAlpha(colour(held.a[main]), 0.35 + 0.65 * cover));
  });
  const waiting = run.waiting[row.index];
  const strip = (count) => withAlpha(p.theme.blocked, Math.min(1, 0.55 + 0.15 * count));
  p.walk(waiting, (i, xa, xb) => p.rect(xa, xb, top + bar + 1, 3, strip(waiting.a[i])),
    (i, j, x) => p.column(0, x, top + bar + 1, 3, strip(1)));
}

// An arrow from the old owner's row to the new owner's. `yOf(task)` is the middle of a row, or
// undefined if it is not shown.
function paintHandoffs(p, run, yOf) {
  const from = run.handoffs.firstStartingAt(p.view.t0);
  const to = run.handoffs.firstStartingAt(p.view.t1);
  // Closer together they would be a wall.
  if ((to - from) * 40 > p.x1 - p.x0) return;
  const c = p.context;
  for (let i = from; i < to; ++i) {
    const ya = yOf(run.handoffs.a[i]);
    const yb = yOf(run.handoffs.b[i]);
    if (ya === undefined || yb === undefined) continue;
    const x = p.snap(p.x(run.handoffs.start[i]));
    const sign = Math.sign(yb - ya);
    const tip = yb - sign * (ROWS.task.bar / 2 + 1);
    const tail = ya + sign * (ROWS.task.bar / 2);
    c.strokeStyle = c.fillStyle = p.theme.ink;
    c.lineWidth = 1.5;
    c.beginPath();
    c.moveTo(x, tail);
    c.lineTo(x, tip - sign * 5);
    c.stroke();
    c.beginPath();
    c.moveTo(x, tip);
    c.lineTo(x - 4, tip - sign * 7);
    c.lineTo(x + 4, tip - sign * 7);
    c.fill();
  }
}

// A bracket above a task's row with the length of its longest wait.
function paintMark(p, wait, y) {
  const xa = Math.max(p.x(wait.start), p.x0);
  const xb = Math.min(p.x(wait.end), p.x1);
  if (xb <= p.x0 || xa >= p.x1) return;
  const c = p.context;
  const top = p.snap(y) + 0.5;
  c.strokeStyle = p.theme.accent;
  c.lineWidth = 1.5;
  c.beginPath();
  c.moveTo(xa, top + 5);
  c.lineTo(xa, top);
  c.lineTo(Math.max(xb, xa + 1), top);
  c.lineTo(Math.max(xb, xa + 1), top + 5);
  c.stroke();
  const text = `waits ${formatTime(wait.end - wait.start)}`;
  const font = `600 11.5px ${FONT}`;
  const half = p.textWidth(text, font) / 2;
  const middle = Math.min(Math.max((xa + xb) / 2, p.x0 + half), p.x1 - half);
  c.font = font;
  c.textAlign = "center";
  c.fillStyle = p.theme.accent;
  c.fillText(text, middle, top - 8);
}
