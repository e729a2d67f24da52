// Keeps parts of pages up to date. `data-follow` stands on an element that htmx fetches at the
// trigger "news": its value is the message whose news it wants, and nothing for all of them.
// `data-live` is the line that says how the stream stands.

import { listen } from "./live.js";

const PACE = 300;
const WORDS = { connecting: "connecting", up: "live", down: "interrupted, trying again" };
const shown = new WeakMap();
const due = new Set();
let resting = false;
let standing = "connecting";

function tell() {
  if (resting || !due.size) return;
  resting = true;
  setTimeout(() => {
    resting = false;
    tell();
  }, PACE);
  const ready = [...due].filter((place) => !place.dataset.paused);
  due.clear();
  for (const place of ready) if (place.isConnected) htmx.trigger(place, "news");
}

// A part that goes on after a pause catches up; `why` is empty then.
export function pause(place, why) {
  place.dataset.paused = why;
  say(why);
  if (why) return;
  due.add(place);
  tell();
}

function say(paused = document.querySelector("[data-follow][data-paused]")?.dataset.paused) {
  for (const line of document.querySelectorAll("[data-live]")) {
    line.hidden = false;
    line.dataset.standing = paused ? "paused" : standing;
    line.querySelector("[role=status]").textContent = paused || WORDS[standing];
  }
}

document.addEventListener("DOMContentLoaded", () => {
  say();
  listen((news) => {
    // What was turned while nobody listened is asked for.
    if (news.kind === "chaos" || (news.kind === "up" && standing === "down")) htmx.trigger("#chaos", "turned");
    if (WORDS[news.kind]) {
      standing = news.kind;
      say();
    }
    if (["connecting", "down", "chaos"].includes(news.kind)) return;
    for (const place of document.querySelectorAll("[data-follow]")) {
      const wanted = place.dataset.follow;
      if (news.kind !== "event" || !wanted || wanted === news.fact.message_id) due.add(place);
    }
    tell();
  });
});

// What did not change is left alone, so that nothing is read out or selected twice; and what is
// shown stays when this server or the broker is away for a moment.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, serverResponse, xhr } = event.detail;
  if (!("follow" in target.dataset)) return;
  const useful = xhr.status < 400 && !target.dataset.paused && shown.get(target) !== serverResponse;
  event.detail.shouldSwap = useful;
  if (useful) shown.set(target, serverResponse);
});
