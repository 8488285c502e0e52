// What the nodes logged and what was done to them, newest first.
const list = document.getElementById("events");
let newest = -1;
const KEPT = 60;

export function renderEvents(events) {
  for (const event of events) {
    if (event.number <= newest) continue;
    newest = event.number;
    const item = document.createElement("li");
    const time = document.createElement("time");
    time.textContent = `${event.at.toFixed(3)} s`;
    const words = document.createElement("span");
    words.className = event.node ? "" : "outside";
    words.textContent = (event.node ? `node ${event.node}: ` : "") + event.text;
    item.append(time, words);
    list.prepend(item);
  }
  while (list.childElementCount > KEPT) list.lastElementChild.remove();
}
