// What every page has: the keyboard, times in the reader's own zone, copying, and parts that follow
// what happens.

import "./follow.js";
import "./keys.js";
import { enliven } from "./enliven.js";

enliven(document);
document.addEventListener("htmx:afterSwap", (event) => enliven(event.detail.target));

// Looks by itself whether the broker is back: a page that loads itself anew takes its reader's place
// in it away, and what a screen reader was saying.
const lookAgain = async () => {
  const found = await fetch(location.href, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (found && !found.headers.has("Retry-After")) location.reload();
  else setTimeout(lookAgain, 3000);
};
if (document.querySelector("[data-again]")) setTimeout(lookAgain, 3000);

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  button.firstChild.data = "Copied";
  setTimeout(() => (button.firstChild.data = "Copy"), 1500);
});
