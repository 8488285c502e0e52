// Sends one verb to the lab and says what came of it.
const result = document.getElementById("result");

export async function act(verb, more = {}) {
  let told;
  try {
    const answer = await fetch("act", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ verb, ...more }),
    });
    told = await answer.json();
  } catch {
    told = { error: "the lab does not answer" };
  }
  result.textContent = told.done ?? told.error;
  result.toggleAttribute("data-bad", told.error !== undefined);
}
