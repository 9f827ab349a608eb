// Shared by all scripts of the page: errors made visible to tests, times as text, colours.

// A page whose scripts failed says so where a test or a user can see it.
document.documentElement.dataset.errors = "0";
window.addEventListener("error", (event) => {
  const root = document.documentElement.dataset;
  root.errors = String(Number(root.errors) + 1);
  root.lastError = String(event.message);
});

// Light or dark as the system says, until the reader chooses.
const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");

function followSystemTheme() {
  const root = document.documentElement.dataset;
  if (root.chosen !== "true") root.theme = prefersDark.matches ? "dark" : "light";
}

function chooseOtherTheme() {
  const root = document.documentElement.dataset;
  root.chosen = "true";
  root.theme = root.theme === "dark" ? "light" : "dark";
}

followSystemTheme();

const UNITS = [["s", 1e9], ["ms", 1e6], ["\u00b5s", 1e3], ["ns", 1]];

// A duration with four digits at most and its unit.
function formatTime(ns) {
  if (ns === 0) return "0";
  const size = Math.abs(ns);
  const [name, unit] = UNITS.find(([, nanos]) => size >= nanos * 0.99995) || UNITS[3];
  const value = ns / unit;
  const whole = Math.abs(value) >= 1000 ? 4 : String(Math.floor(Math.abs(value) * 1.00005)).length;
  const decimals = unit === 1 ? 0 : Math.max(0, 4 - whole);
  return value.toFixed(decimals) + "\u00a0" + name;
}

// Instants up to `most` on an axis whose ticks are `step` apart: all in one unit, no digit that
// means nothing.
function formatTick(ns, step, most) {
  if (ns === 0) return "0";
  const [name, unit] =
    UNITS.find(([, nanos]) => most >= nanos && step >= nanos * 0.000999) || UNITS[3];
  const decimals = Math.max(0, Math.ceil(-Math.log10(step / unit) - 1e-9));
  return (ns / unit).toFixed(decimals) + "\u00a0" + name;
}

// 1, 2 or 5 times a power of ten, at least `least`.
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= least * 0.999999);
}

// Paul Tol's "bright" scheme, told apart with every kind of colour vision, then his "muted" one.
const PALETTE = ["#4477aa", "#ee6677", "#ccbb44", "#66ccee", "#aa3377", "#228833",
                 "#332288", "#ddcc77", "#44aa99", "#882255", "#999933", "#cc6677"];

function channels(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

// Towards white (amount > 0) or black (amount < 0).
function shaded(hex, amount) {
  const goal = amount > 0 ? 255 : 0;
  const mixed = channels(hex).map((c) => Math.round(c + (goal - c) * Math.abs(amount)));
  return "#" + mixed.map((c) => c.toString(16).padStart(2, "0")).join("");
}

// Sixteen steps of alpha are enough for the eye; so few strings can be kept, and neighbours that
// are nearly the same can be drawn at once.
const alphaStrings = new Map();

function withAlpha(hex, alpha) {
  const step = Math.round(alpha * 16);
  let steps = alphaStrings.get(hex);
  if (!steps) alphaStrings.set(hex, steps = []);
  return steps[step] || (steps[step] = `rgba(${channels(hex).join(",")},${step / 16})`);
}

// Black or white, whichever is easier to read on that colour.
function inkOn(hex) {
  const [r, g, b] = channels(hex).map((c) => {
    const s = c / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
  });
  // Above this luminance black has the higher contrast.
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.185 ? "#10151c" : "#ffffff";
}

// Instances of one task ("hog-0", "hog-1", "worker-f2") are shades of one colour.
function stemOf(name) {
  return name.replace(/-f?\d+$/, "");
}

// A colour for each name; the same name has the same colour in every run of the page.
function assignColours(names) {
  const stems = new Map();
  for (const name of names) {
    const stem = stemOf(name);
    if (!stems.has(stem)) stems.set(stem, new Set());
    stems.get(stem).add(name);
  }
  const colours = new Map();
  let index = 0;
  for (const members of stems.values()) {
    const base = PALETTE[index % PALETTE.length];
    const round = Math.floor(index / PALETTE.length);
    const start = round === 0 ? base : shaded(base, round % 2 ? -0.25 : 0.3);
    let member = 0;
    for (const name of members) {
      const share = members.size === 1 ? 0 : member / (members.size - 1);
      colours.set(name, shaded(start, share * 0.45));
      ++member;
    }
    ++index;
  }
  return colours;
}

// The colours that depend on light and dark, from the style sheet.
function themeColours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    ink: read("--ink"), muted: read("--muted"), faint: read("--faint"), grid: read("--grid"),
    paper: read("--paper"), stripe: read("--stripe"), blocked: read("--blocked"),
    runnable: read("--runnable"), accent: read("--accent"),
  };
}

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

const FONT = '"Inter", "Segoe UI", Roboto, "Helvetica Neue", Arial, "DejaVu Sans", sans-serif';
