// What every page has: the keyboard, times in the reader's own zone, copying, and parts that follow
// what happens.

import "./follow.js";
import "./keys.js";
import { enliven } from "./enliven.js";

enliven(document);
document.addEventListener("htmx:afterSwap", (event) => enliven(event.detail.target));

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  button.firstChild.data = "Copied";
  setTimeout(() => (button.firstChild.data = "Copy"), 1500);
});
