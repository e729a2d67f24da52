// The log waits while somebody points at it, so that no line moves away under the hand; what came
// since the last look is marked for a moment.

import { pause } from "./follow.js";

const log = document.getElementById("log");
const filters = document.getElementById("filters");
const button = document.getElementById("pause");

filters.addEventListener("change", () => filters.requestSubmit());
filters.addEventListener("formdata", (event) => {
  for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
});

if (button) {
  let stopped = false;
  let pointed = false;
  const hold = () => pause(log, stopped ? "paused" : pointed ? "paused while you point at it" : "");

  button.addEventListener("click", () => {
    stopped = !stopped;
    button.setAttribute("aria-pressed", stopped);
    button.textContent = stopped ? "Go on" : "Pause";
    hold();
  });
  for (const [name, over] of [["pointerenter", true], ["pointerleave", false]]) {
    log.addEventListener(name, (event) => {
      if (event.pointerType !== "mouse") return;
      pointed = over;
      hold();
    });
  }

  const lines = () => [...log.querySelectorAll("li")];
  let known = new Set();
  log.addEventListener("htmx:beforeSwap", () => (known = new Set(lines().map((line) => line.id))));
  log.addEventListener("htmx:afterSwap", () => {
    for (const line of lines()) line.classList.toggle("new", !known.has(line.id));
  });
}
