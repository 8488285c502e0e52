// The nodes as circles, the links between them as lines, and what leaves the leader as parcels.
const SVG = "http://www.w3.org/2000/svg";
const CENTRE = { x: 250, y: 190 };
const RADIUS = 130;
const SIZE = 52;
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
const parts = { nodes: new Map(), links: new Map(), svg: null, last: 0 };

function make(name, attributes, parent) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

function place(number, count) {
  const angle = -Math.PI / 2 + (2 * Math.PI * number) / count;
  const reach = count === 1 ? 0 : RADIUS;
  return { x: CENTRE.x + 1.35 * reach * Math.cos(angle), y: CENTRE.y + reach * Math.sin(angle) };
}

function build(state) {
  const svg = make("svg", { viewBox: "0 0 500 360", role: "img" }, document.getElementById("picture"));
  parts.svg = svg;
  const places = new Map(state.nodes.map((node, number) => [node.id, place(number, state.nodes.length)]));
  for (const link of state.links) {
    const [one, other] = link.nodes.map((id) => places.get(id));
    const line = make("line", { class: "link", x1: one.x, y1: one.y, x2: other.x, y2: other.y }, svg);
    const label = make("text", { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 + 4 }, svg);
    parts.links.set(link.nodes.join("-"), { line, label });
  }
  parts.parcels = make("g", { "aria-hidden": "true" }, svg);
  for (const node of state.nodes) {
    const at = places.get(node.id);
    const group = make("g", { class: "node", transform: `translate(${at.x} ${at.y})` }, svg);
    make("circle", { r: SIZE }, group);
    const id = make("text", { class: "id", y: -14 }, group);
    id.textContent = node.id;
    const lines = [4, 19, 34].map((y) => make("text", { y }, group));
    parts.nodes.set(node.id, { group, lines, at });
  }
}

export function look(node) {
  if (node.condition === "down" || node.condition === "paused") return node.condition;
  if (node.condition === "silent" || !node.role) return "down";
  return node.role.endsWith("candidate") ? "candidate" : node.role;
}

function send(from, to) {
  if (calm.matches || parts.parcels.childElementCount > 40) return;
  const parcel = make("circle", { class: "parcel", r: 5 }, parts.parcels);
  const move = [from, to].map((at) => ({ transform: `translate(${at.x}px, ${at.y}px)` }));
  parcel.animate(move, 350).finished.finally(() => parcel.remove());
}

export function renderPicture(state) {
  if (parts.svg === null) build(state);
  for (const node of state.nodes) {
    const { group, lines } = parts.nodes.get(node.id);
    const seen = look(node);
    group.dataset.look = seen;
    const words = seen === "down" || seen === "paused"
      ? [node.condition, "", ""]
      : [node.role, `term ${node.term}`, `index ${node.applied}`];
    words.forEach((word, number) => { lines[number].textContent = word; });
  }
  const leading = state.nodes.find((node) => node.id === state.leader);
  const grown = leading !== undefined && leading.last > parts.last;
  parts.last = leading?.last ?? parts.last;
  for (const link of state.links) {
    const { line, label } = parts.links.get(link.nodes.join("-"));
    line.dataset.look = link.cut ? "cut" : !link.connected ? "broken" : link.from ? "flow" : "idle";
    label.textContent = link.cut ? "cut" : link.entries ? `${link.entries} in flight`
      : link.behind ? `${link.behind} behind` : "";
    if (grown && link.from && link.connected && !link.cut) {
      const to = link.nodes.find((id) => id !== link.from);
      send(parts.nodes.get(link.from).at, parts.nodes.get(to).at);
    }
  }
  const told = state.nodes.map((node) => `node ${node.id} ${look(node)}`).join(", ");
  const cut = state.links.filter((link) => link.cut).map((link) => link.nodes.join(" and "));
  const label = told + (cut.length ? `; cut between ${cut.join(", ")}` : "");
  if (parts.svg.getAttribute("aria-label") !== label) parts.svg.setAttribute("aria-label", label);
}
