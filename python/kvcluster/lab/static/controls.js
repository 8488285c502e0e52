// The forms: write, read, load, partition, heal, kill the leader.
import { act } from "./act.js";

const byId = (id) => document.getElementById(id);
let leader = 0;
let others = [];

function onSubmit(id, send) {
  byId(id).addEventListener("submit", (event) => {
    event.preventDefault();
    send(new FormData(event.target));
  });
}

export function groupsOf(words) {
  return words.split("|").map((group) => (group.match(/\d+/g) ?? []).map(Number))
    .filter((group) => group.length > 0);
}

export function wireControls() {
  onSubmit("write", (form) => act("write", { key: form.get("key"), value: form.get("value") }));
  byId("read").addEventListener("click", () => {
    act("read", { key: byId("write").elements.key.value });
  });
  byId("load").addEventListener("change", (event) => act("load", { rate: Number(event.target.value) }));
  onSubmit("load", () => {});
  onSubmit("partition", (form) => act("partition", { groups: groupsOf(form.get("groups")) }));
  byId("isolate-leader").addEventListener("click", () => {
    act("partition", { groups: [[leader], others] });
  });
  byId("heal").addEventListener("click", () => act("heal"));
  byId("kill-leader").addEventListener("click", () => act("kill", { node: "leader" }));
}

export function renderControls(state) {
  leader = state.leader;
  others = state.nodes.map((node) => node.id).filter((id) => id !== leader);
  byId("kill-leader").disabled = !leader;
  byId("isolate-leader").disabled = !leader || others.length === 0;
  const rate = byId("load").elements.rate;
  if (document.activeElement !== rate) rate.value = String(state.load.rate);
}
