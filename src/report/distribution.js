// The distributions of waits, as "how many waited at least this long?" on logarithmic axes, and the
// start of the page's scripts, this one being the last. What they found out about the page itself
// is left in attributes of its root for tests/browser.

// A chart's cases: [{ label, style, count, points }], points being [wait, calls that waited at
// least that long, next wait, ...].
class Distribution {
  constructor(holder, cases) {
    this.holder = holder;
    this.cases = cases.filter((one) => one.points.length > 0);
  }

  paint() {
    const width = this.holder.clientWidth;
    if (width === 0 || this.cases.length === 0) return;
    const narrow = width < 560;
    const box = { left: narrow ? 62 : 84, right: width - 18, top: 26, bottom: narrow ? 250 : 300 };
    const range = this.range();
    const x = (wait) => box.left + (Math.log10(Math.max(wait, range.least) / range.least) /
      Math.log10(range.most / range.least)) * (box.right - box.left);
    const y = (share) => box.top + (Math.log10(Math.max(share, range.rarest)) /
      Math.log10(range.rarest)) * (box.bottom - box.top);
    const parts = [this.grid(box, range, x, y, narrow)];
    for (const one of this.cases) parts.push(this.line(one, x, y, range));
    parts.push(this.maxima(box, x, y));
    this.holder.innerHTML = `<svg width="${width}" height="${box.bottom + 48}" role="img" ` +
      `aria-label="Distribution of the waits for the lock">${parts.join("")}</svg>`;
  }

  range() {
    const waits = this.cases.flatMap((one) => one.points.filter((_, i) => i % 2 === 0));
    const positive = waits.filter((wait) => wait > 0);
    const most = Math.max(1e4, ...positive);
    const least = Math.min(most / 100, Math.max(1e3, Math.min(1e6, ...positive)));
    return {
      least: 10 ** Math.floor(Math.log10(least)),
      most: 10 ** Math.ceil(Math.log10(most) + 0.05),
      // A little below the rarest share there is, so that the dots stand clear of the frame.
      rarest: 0.6 / Math.max(10, ...this.cases.map((one) => one.count)),
    };
  }

  grid(box, range, x, y, narrow) {
    const parts = [];
    for (let wait = range.least; wait <= range.most * 1.01; wait *= 10) {
      parts.push(`<line class="grid" x1="${x(wait)}" x2="${x(wait)}" y1="${box.top}" ` +
        `y2="${box.bottom}"/>`);
      parts.push(`<text class="tick" x="${x(wait)}" y="${box.bottom + 17}" ` +
        `text-anchor="middle">${formatTick(wait, wait, wait)}</text>`);
    }
    for (let share = 1; share >= range.rarest * 0.99; share /= 10) {
      const text = share > 0.0099 ? `${Math.round(share * 100)} %`
        : `1 in ${Math.round(1 / share).toLocaleString("en")}`;
      parts.push(`<line class="grid" x1="${box.left}" x2="${box.right}" y1="${y(share)}" ` +
        `y2="${y(share)}"/>`);
      parts.push(`<text class="tick" x="${box.left - 8}" y="${y(share) + 4}" ` +
        `text-anchor="end">${narrow ? text.replace("1 in ", "1:") : text}</text>`);
    }
    parts.push(`<text class="axis" x="${box.left}" y="13">share of the lock calls that waited ` +
      "at least that long</text>");
    parts.push(`<text class="axis" x="${box.right}" y="${box.bottom + 38}" ` +
      'text-anchor="end">wait for the lock</text>');
    return parts.join("");
  }

  // A staircase: the share stays until the next longer wait. Calls that did not wait have no place
  // on a logarithmic axis; they are what is missing to 100 % at the left edge.
  line(one, x, y, range) {
    const steps = [];
    for (let i = 0; i < one.points.length; i += 2) {
      if (one.points[i] < range.least) continue;
      const level = y(one.points[i + 1] / one.count).toFixed(1);
      steps.push(steps.length === 0 ? `M${x(range.least).toFixed(1)} ${level}` : `V${level}`);
      steps.push(`H${x(one.points[i]).toFixed(1)}`);
    }
    return `<path class="case case-${one.style}" d="${steps.join("")}"/>`;
  }

  // The longest wait of each case: a dot with its length beside it, clear of all others.
  maxima(box, x, y) {
    const dots = this.cases.map((one) => {
      const [wait, calls] = one.points.slice(-2);
      return { style: one.style, text: formatTime(wait), x: x(wait), y: y(calls / one.count) };
    }).sort((a, b) => a.x - b.x || a.style - b.style);
    const taken = dots.map((dot) => ({ left: dot.x - 5, right: dot.x + 5, y: dot.y }));
    const place = (dot) => {
      const width = 7 * dot.text.length;
      for (const lift of [0, -15, 15, 30, 45, 60, 75]) {
        if (dot.y - lift > box.bottom) continue;
        for (const side of [1, -1]) {
          const edge = dot.x + side * (lift === 0 ? 9 : -width / 2);
          const spot = { left: Math.min(edge, edge + side * width),
                         right: Math.max(edge, edge + side * width), y: dot.y - lift, edge, side };
          if (spot.right > box.right || spot.left < box.left) continue;
          const clear = taken.every((other) => spot.right < other.left || spot.left > other.right ||
            Math.abs(spot.y - other.y) >= 13);
          if (clear) return spot;
        }
      }
      return null;  // no room: the table has the number
    };
    return dots.map((dot) => {
      const spot = place(dot);
      const circle = `<circle class="dot case-${dot.style}" cx="${dot.x}" cy="${dot.y}" r="4.5"/>`;
      if (spot === null) return circle;
      taken.push(spot);
      return circle + `<text class="value case-${dot.style}" x="${spot.edge}" y="${spot.y + 4}" ` +
        `text-anchor="${spot.side > 0 ? "start" : "end"}">${dot.text}</text>`;
    }).join("");
  }
}

function startDistributions(charts) {
  const all = [...document.querySelectorAll("[data-chart]")].map(
    (holder) => new Distribution(holder, charts[Number(holder.dataset.chart)]));
  const paint = () => all.forEach((chart) => chart.paint());
  window.addEventListener("resize", paint);
  paint();
}

{
  const data = JSON.parse(document.getElementById("data").textContent);
  startTimelines(data.runs);
  startDistributions(data.charts || []);
  const root = document.documentElement;
  root.dataset.tooWide = String(root.scrollWidth > root.clientWidth);
  root.dataset.ready = "true";
}
