// Latency and throughput of the last minute as two lines.
const SVG = "http://www.w3.org/2000/svg";
const SECONDS = 60;
const EVERY_MS = 500;
const points = [];
const lines = new Map();

function build(name, caption) {
  const figure = document.createElement("figure");
  const text = document.createElement("figcaption");
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 30");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  const line = document.createElementNS(SVG, "polyline");
  svg.append(line);
  figure.append(text, svg);
  document.getElementById("charts").append(figure);
  lines.set(name, { line, text, svg, caption });
}

build("p99_ms", "slowest hundredth, ms");
build("per_second", "writes a second");

function draw(name, now) {
  const { line, text, svg, caption } = lines.get(name);
  const most = Math.max(...points.map((point) => point[name] ?? 0), 0);
  line.setAttribute("points", points.filter((point) => point[name] !== null).map((point) =>
    `${100 - (100 * (now - point.at)) / (SECONDS * 1000)},${29 - (28 * point[name]) / (most || 1)}`
  ).join(" "));
  text.textContent = `${caption}; at most ${most} in the last minute`;
  svg.setAttribute("aria-label", text.textContent);
}

export function renderCharts(load) {
  document.getElementById("figures").textContent = load.p50_ms === null
    ? `no writes in the last 5 s; ${load.acknowledged} acknowledged in all`
    : `${load.per_second} writes a second; half within ${load.p50_ms} ms, 99 % within ${load.p99_ms} ms; `
      + `${load.acknowledged} acknowledged, ${load.not_applied} not applied, ${load.unknown} unknown in all`;
  const now = performance.now();
  if (points.length && now - points.at(-1).at < EVERY_MS) return;
  points.push({ at: now, p99_ms: load.p99_ms, per_second: load.per_second });
  while (points[0].at < now - SECONDS * 1000) points.shift();
  draw("p99_ms", now);
  draw("per_second", now);
}
