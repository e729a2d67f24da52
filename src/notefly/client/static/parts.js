// Parts of pages are made by the server; this puts them in place.

import { enliven } from "./enliven.js";

const shown = new WeakMap();

// The answer is put into the page whatever its status: a refusal is a part of the page too.
export async function fetchPart(address, request = {}) {
  const headers = { "HX-Request": "1" };
  const response = await fetch(address, { ...request, headers });
  return { ok: response.ok, html: await response.text() };
}

export function put(place, html) {
  if (shown.get(place) === html) return;
  const focused = place.contains(document.activeElement) ? document.activeElement.id : "";
  shown.set(place, html);
  place.innerHTML = html;
  enliven(place);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

// Runs at most one at a time, and once more when it was asked for meanwhile.
export function gently(task, pause) {
  let running = false;
  let again = false;
  return async function run() {
    if (running) {
      again = true;
      return;
    }
    running = true;
    do {
      again = false;
      try {
        await task();
      } catch {
        // This server is away for a moment; the stream says when it is back.
      }
      await new Promise((done) => setTimeout(done, pause));
    } while (again);
    running = false;
  };
}
