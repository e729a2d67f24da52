// Keeps parts of pages up to date. `data-follow` stands on an element that htmx fetches at the
// trigger "news": its value is the message whose news it wants, and nothing for all of them.

import { listen } from "./live.js";

const PACE = 300;
const shown = new WeakMap();
const due = new Set();
let resting = false;

const places = () => document.querySelectorAll("[data-follow]");

function tell() {
  if (resting || !due.size) return;
  resting = true;
  setTimeout(() => {
    resting = false;
    tell();
  }, PACE);
  for (const place of due) if (place.isConnected) htmx.trigger(place, "news");
  due.clear();
}

// A part that is paused catches up when it goes on.
export function refresh(place) {
  if ("paused" in place.dataset) return;
  due.add(place);
  tell();
}

document.addEventListener("DOMContentLoaded", () => {
  listen((news) => {
    if (news.kind === "connecting" || news.kind === "down") return;
    for (const place of places()) {
      const wanted = place.dataset.follow;
      if (news.kind !== "event" || !wanted || wanted === news.fact.message_id) refresh(place);
    }
  });
});

// What did not change is left alone, so that nothing is read out or selected twice; and what is
// shown stays when this server or the broker is away for a moment.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, serverResponse, xhr } = event.detail;
  if (!("follow" in target.dataset)) return;
  event.detail.shouldSwap = xhr.status < 400 && !("paused" in target.dataset) && shown.get(target) !== serverResponse;
  if (event.detail.shouldSwap) shown.set(target, serverResponse);
});
