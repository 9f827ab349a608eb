// The intervals of a run, unpacked from the page's data (run_data.cpp) into arrays that can be
// searched: a million of them stay usable because nothing below ever walks all of them per frame.

// Intervals of one row, ascending and without overlap; `a` and `b` say whose they are.
class Track {
  constructor(size) {
    this.size = size;
    this.start = new Float64Array(size);
    this.end = new Float64Array(size);
    this.a = new Int32Array(size);
    this.b = new Int32Array(size);
  }

  set(i, start, end, a, b) {
    this.start[i] = start;
    this.end[i] = end;
    this.a[i] = a;
    this.b[i] = b;
  }

  // Time covered before interval i, in total and by those with a != b.
  index() {
    this.busy = new Float64Array(this.size + 1);
    this.lent = new Float64Array(this.size + 1);
    for (let i = 0; i < this.size; ++i) {
      const length = this.end[i] - this.start[i];
      this.busy[i + 1] = this.busy[i] + length;
      this.lent[i + 1] = this.lent[i] + (this.a[i] === this.b[i] ? 0 : length);
    }
    return this;
  }

  // The first interval, not before `from`, that ends after t; `size` if there is none.
  firstEndingAfter(t, from = 0) {
    let low = from;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.end[middle] > t) high = middle; else low = middle + 1;
    }
    return low;
  }

  // The first interval, not before `from`, that starts at t or later.
  firstStartingAt(t, from = 0) {
    let low = from;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.start[middle] >= t) high = middle; else low = middle + 1;
    }
    return low;
  }

  // The interval that contains t, or -1.
  at(t) {
    const i = this.firstEndingAfter(t);
    return i < this.size && this.start[i] <= t ? i : -1;
  }

  // The longest of the intervals i .. j-1 for which `wanted` holds, looking at about 24 of
  // them; -1 if none of those does.
  longest(i, j, wanted) {
    const step = Math.max(1, Math.floor((j - i) / 24));
    let best = -1;
    for (let k = i; k < j; k += step) {
      if (wanted && !wanted(k)) continue;
      if (best < 0 || this.end[k] - this.start[k] > this.end[best] - this.start[best]) best = k;
    }
    return best;
  }
}

// The longest of the intervals i .. j-1 of `track` that one task ran for another, as far as
// longest() looks, else the first of them. There must be one.
function someLent(track, i, j) {
  const found = track.longest(i, j, (k) => track.a[k] !== track.b[k]);
  if (found >= 0) return found;
  let low = i;
  let high = j - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (track.lent[middle + 1] > track.lent[i]) high = middle; else low = middle + 1;
  }
  return low;
}

// Collects the intervals of several rows from one list: count first, then fill.
function splitTracks(rows, count, rowOf, put) {
  const sizes = new Uint32Array(rows);
  for (let i = 0; i < count; ++i) {
    const row = rowOf(i);
    if (row >= 0) ++sizes[row];
  }
  const tracks = Array.from(sizes, (size) => new Track(size));
  const filled = new Uint32Array(rows);
  for (let i = 0; i < count; ++i) {
    const row = rowOf(i);
    if (row >= 0) put(tracks[row], filled[row]++, i);
  }
  return tracks.map((track) => track.index());
}

// One CPU's list: gap, length, exec, donor.
function unpackCpu(list) {
  const track = new Track(list.length / 4);
  let t = 0;
  for (let i = 0; i < track.size; ++i) {
    const start = t + list[4 * i];
    t = start + list[4 * i + 1];
    track.set(i, start, t, list[4 * i + 2], list[4 * i + 3]);
  }
  return track.index();
}

// Lists of distance between starts, length and `extra` more numbers.
function unpackStarts(list, extra) {
  const width = 2 + extra;
  const count = list.length / width;
  const start = new Float64Array(count);
  let t = 0;
  for (let i = 0; i < count; ++i) {
    t += list[width * i];
    start[i] = t;
  }
  return {
    count, start,
    end: (i) => start[i] + list[width * i + 1],
    first: (i) => list[width * i + 2],
    second: (i) => list[width * i + 3],
  };
}

// How many wait for a lock, as intervals of constant number (in `a`); the first to come is in `b`.
function waitingTrack(waits, indices) {
  const edges = [];
  for (const i of indices) {
    edges.push([waits.start[i], 1, waits.first(i)], [waits.end(i), -1, waits.first(i)]);
  }
  edges.sort((x, y) => x[0] - y[0] || x[1] - y[1]);
  const parts = [];
  const present = new Set();
  let since = 0;
  for (const [t, change, task] of edges) {
    if (present.size > 0 && t > since) {
      parts.push([since, t, present.size, present.values().next().value]);
    }
    since = t;
    if (change > 0) present.add(task); else present.delete(task);
  }
  const track = new Track(parts.length);
  parts.forEach(([start, end, count, task], i) => track.set(i, start, end, count, task));
  return track.index();
}

// The segments of all CPUs as one list in order of time, for the rows of tasks.
function mergedSegments(cpus) {
  const total = cpus.reduce((sum, track) => sum + track.size, 0);
  const order = new Uint32Array(total);
  const cpuOf = new Uint16Array(total);
  const indexOf = new Uint32Array(total);
  let n = 0;
  cpus.forEach((track, cpu) => {
    for (let i = 0; i < track.size; ++i, ++n) {
      order[n] = n;
      cpuOf[n] = cpu;
      indexOf[n] = i;
    }
  });
  const start = (k) => cpus[cpuOf[k]].start[indexOf[k]];
  if (cpus.length > 1) order.sort((x, y) => start(x) - start(y));
  return { total, order, cpuOf, indexOf };
}

// What the rows of a run are drawn from.
class RunModel {
  constructor(data) {
    this.label = data.label;
    this.end = data.end;
    this.marked = data.marked;
    this.tasks = data.tasks;
    this.locks = data.locks;
    this.cpus = data.cpus.map(unpackCpu);
    // Not every world can say who ran when and who held a lock.
    this.knowsRuns = this.cpus.some((track) => track.size > 0);
    this.knowsHolds = data.holds.length > 0;
    this.splitSegments();
    this.splitWaits(unpackStarts(data.waits, 2));
    this.splitHolds(unpackStarts(data.holds, 2));
    const runnable = unpackStarts(data.runnable, 1);
    this.runnable = splitTracks(this.tasks.length, runnable.count, (i) => runnable.first(i),
      (track, at, i) => track.set(at, runnable.start[i], runnable.end(i), 0, 0));
    this.unpackHandoffs(data.handoffs);
  }

  // What a task ran for itself (a = b), for others (b = donor), and lent to others (a = exec).
  splitSegments() {
    const { total, order, cpuOf, indexOf } = mergedSegments(this.cpus);
    const cpu = (i) => this.cpus[cpuOf[order[i]]];
    const index = (i) => indexOf[order[i]];
    const put = (track, at, i) => {
      const from = cpu(i);
      const k = index(i);
      track.set(at, from.start[k], from.end[k], from.a[k], from.b[k]);
    };
    const count = this.tasks.length;
    this.ran = splitTracks(count, total, (i) => cpu(i).a[index(i)], put);
    this.lent = splitTracks(count, total, (i) => {
      const from = cpu(i);
      const k = index(i);
      return from.a[k] === from.b[k] ? -1 : from.b[k];
    }, put);
  }

  splitWaits(waits) {
    this.blocked = splitTracks(this.tasks.length, waits.count, (i) => waits.first(i),
      (track, at, i) => track.set(at, waits.start[i], waits.end(i), waits.second(i), 0));
    const byLock = this.locks.map(() => []);
    for (let i = 0; i < waits.count; ++i) byLock[waits.second(i)].push(i);
    this.waiting = byLock.map((indices) => waitingTrack(waits, indices));
  }

  splitHolds(holds) {
    this.held = splitTracks(this.locks.length, holds.count, (i) => holds.second(i),
      (track, at, i) => track.set(at, holds.start[i], holds.end(i), holds.first(i), 0));
  }

  unpackHandoffs(list) {
    this.handoffs = new Track(list.length / 4);
    this.handoffLock = new Int32Array(list.length / 4);
    let t = 0;
    for (let i = 0; i < this.handoffs.size; ++i) {
      t += list[4 * i];
      this.handoffs.set(i, t, t, list[4 * i + 2], list[4 * i + 3]);
      this.handoffLock[i] = list[4 * i + 1];
    }
    this.handoffs.index();
  }

  // "H waits for m held by L waits for n ..." at instant t; empty if the task does not wait.
  chainAt(task, t) {
    const links = [];
    const seen = new Set();
    while (task >= 0 && !seen.has(task)) {
      seen.add(task);
      const wait = this.blocked[task].at(t);
      if (wait < 0) break;
      const lock = this.blocked[task].a[wait];
      const hold = this.held[lock].at(t);
      const owner = hold < 0 ? -1 : this.held[lock].a[hold];
      links.push({ task, lock, owner });
      task = owner;
    }
    return links;
  }

  // How much a task shows on its row.
  activity(task) {
    const sum = (track) => track.busy[track.size];
    return sum(this.ran[task]) + sum(this.blocked[task]);
  }

  // The longest lock call of a task, from its first wait until it holds the lock.
  longestWait(task) {
    let best = null;
    const waits = this.blocked[task];
    let start = -1;
    for (let i = 0; i < waits.size; ++i) {
      if (start < 0) start = waits.start[i];
      const last = !this.knowsHolds || i + 1 === waits.size || waits.a[i + 1] !== waits.a[i];
      const limit = last ? this.end : waits.start[i + 1];
      const held = this.held[waits.a[i]];
      let k = held.firstStartingAt(waits.end[i]);
      while (k < held.size && held.a[k] !== task && held.start[k] < limit) ++k;
      const acquired = k < held.size && held.a[k] === task && held.start[k] <= limit;
      if (!acquired && !last) continue;  // woken, but too late for the lock: the call goes on
      const end = acquired ? held.start[k] : waits.end[i];
      if (best === null || end - start > best.end - best.start) best = { start, end };
      start = -1;
    }
    return best;
  }
}
