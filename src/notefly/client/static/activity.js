// Keeps the first page of the log up to date; what is new is marked for a moment.

import { listen } from "./live.js";
import { fetchPart, gently, put } from "./parts.js";

const log = document.getElementById("log");
const filters = document.getElementById("filters");
const live = document.getElementById("live");
const PACE = 300;
const WORDS = { connecting: "connecting", up: "live", down: "the stream is interrupted; trying again" };

filters.addEventListener("change", () => filters.requestSubmit());
filters.addEventListener("formdata", (event) => {
  for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
});

if (live) {
  const words = document.getElementById("live-words");
  const pause = document.getElementById("pause");
  let paused = false;
  let standing = "connecting";

  const refresh = gently(async () => {
    const known = new Set([...log.querySelectorAll("li")].map((line) => line.id));
    const part = await fetchPart(location.href);
    if (!part.ok || paused) return;
    put(log, part.html);
    for (const line of log.querySelectorAll("li")) line.classList.toggle("new", !known.has(line.id));
  }, PACE);

  const say = () => {
    live.dataset.standing = paused ? "paused" : standing;
    words.textContent = paused ? "paused" : WORDS[standing];
  };

  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", paused);
    pause.textContent = paused ? "Go on" : "Pause";
    say();
    if (!paused) refresh();
  });

  listen((news) => {
    if (WORDS[news.kind]) {
      standing = news.kind;
      say();
    }
    if (news.kind !== "down" && news.kind !== "connecting" && !paused) refresh();
  });
  live.hidden = false;
}
