// Keeps what became of a message up to date, wherever a page shows it.

import { listen } from "./live.js";
import { fetchPart, gently, put } from "./parts.js";

const SAFETY_NET = 2000;

export function follow(place) {
  const message = place.dataset.progress;
  const done = () => place.querySelector("[data-state]")?.dataset.state === "done";
  const refresh = gently(async () => {
    const part = await fetchPart(`/messages/${message}`);
    if (part.ok && place.isConnected) put(place, part.html);
  }, 150);
  listen((news) => {
    if (!place.isConnected) return;
    if (news.kind !== "event" ? !done() : news.fact.message_id === message) refresh();
  });
  const net = setInterval(() => {
    if (done() || !place.isConnected) clearInterval(net);
    else if (!document.hidden) refresh();
  }, SAFETY_NET);
}
