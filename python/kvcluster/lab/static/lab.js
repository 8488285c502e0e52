// Joins the parts of the page to the stream of states.
import { renderCharts } from "./charts.js";
import { renderControls, wireControls } from "./controls.js";
import { renderEvents } from "./events.js";
import { renderNodes } from "./nodes.js";
import { renderPicture } from "./picture.js";

const connection = document.getElementById("connection");

function render(state) {
  document.getElementById("leader").textContent = state.leader
    ? `node ${state.leader} leads`
    : "nobody leads";
  const verdict = document.getElementById("verdict");
  verdict.textContent = state.verdict.text;
  verdict.dataset.kind = state.verdict.kind;
  renderPicture(state);
  renderNodes(state);
  renderControls(state);
  renderCharts(state.load);
  renderEvents(state.events);
}

wireControls();
const source = new EventSource("events");
source.onopen = () => { connection.textContent = "live"; };
source.onerror = () => { connection.textContent = "the lab does not answer"; };
source.onmessage = (message) => render(JSON.parse(message.data));
