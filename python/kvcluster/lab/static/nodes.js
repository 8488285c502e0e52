// A card a node: its figures, the end of its log, and what can be done to it.
import { act } from "./act.js";
import { look } from "./picture.js";

const TERM_COLOURS = 7;
const cards = new Map();

function add(parent, name, className = "", text = "") {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.textContent = text;
  parent.append(element);
  return element;
}

function button(parent, words, id, verb, className = "") {
  const made = add(parent, "button", className, words);
  made.type = "button";
  made.setAttribute("aria-label", `${words} node ${id}`);
  made.addEventListener("click", () => act(verb, { node: id }));
  return made;
}

function build(node, all) {
  const card = add(document.getElementById("nodes"), "section", "card");
  card.id = `node-${node.id}`;
  const title = add(card, "h3", "", `Node ${node.id}`);
  title.id = `node-${node.id}-title`;
  card.setAttribute("aria-labelledby", title.id);
  const facts = add(card, "p", "facts");
  const strip = add(card, "div", "strip");
  strip.setAttribute("role", "img");
  const acts = add(card, "div", "acts");
  const made = {
    card, facts, strip,
    cells: [],
    kill: button(acts, "Kill", node.id, "kill", "harm"),
    restart: button(acts, "Restart", node.id, "restart"),
    pause: button(acts, "Pause", node.id, "pause"),
    resume: button(acts, "Resume", node.id, "resume"),
  };
  if (all.length > 1) {
    const isolate = add(acts, "button", "", "Isolate");
    isolate.type = "button";
    isolate.setAttribute("aria-label", `Isolate node ${node.id}`);
    const others = all.map((other) => other.id).filter((id) => id !== node.id);
    isolate.addEventListener("click", () => act("partition", { groups: [[node.id], others] }));
  }
  cards.set(node.id, made);
  return made;
}

function facts(node) {
  if (!node.role) return `${node.condition}; ${node.address}`;
  return `${node.condition === "running" ? node.role : node.condition}, term ${node.term}; last ${node.last}, `
    + `on disk ${node.durable}, commit ${node.commit}, applied ${node.applied}; ${node.keys} keys; `
    + `hash ${node.hash} at ${node.hash_index}; ${node.address}` + (node.why ? `; ${node.why}` : "");
}

function renderStrip(made, entries) {
  while (made.cells.length < entries.length) made.cells.push(add(made.strip, "span"));
  while (made.cells.length > entries.length) made.cells.pop().remove();
  entries.forEach((entry, number) => {
    const cell = made.cells[number];
    cell.className = `cell ${entry.state}`;
    cell.textContent = entry.index;
    cell.dataset.term = entry.term === null ? "" : entry.term % TERM_COLOURS;
    cell.title = `index ${entry.index}, `
      + (entry.state === "missing" ? "not there" : `term ${entry.term ?? "not seen"}, ${entry.state}`);
  });
  const here = entries.filter((entry) => entry.state !== "missing");
  const committed = here.filter((entry) => entry.state === "committed").at(-1);
  made.strip.setAttribute("aria-label", here.length
    ? `log up to ${here.at(-1).index}, committed up to ${committed?.index ?? "none of these"}`
    : "log unknown");
}

export function renderNodes(state) {
  for (const node of state.nodes) {
    const made = cards.get(node.id) ?? build(node, state.nodes);
    made.card.dataset.look = look(node);
    made.facts.textContent = facts(node);
    renderStrip(made, node.strip);
    const down = node.condition === "down";
    const paused = node.condition === "paused";
    made.kill.disabled = down;
    made.restart.disabled = !down;
    made.pause.disabled = down || paused;
    made.resume.disabled = !paused;
  }
}
