// Shows who will get the message while it is written, and what became of it after it was sent.

import { listen } from "./live.js";
import { fetchPart, put } from "./parts.js";
import { follow } from "./progress.js";

const form = document.getElementById("publish");
const preview = document.getElementById("preview");
const result = document.getElementById("result");
const refused = document.getElementById("refused");
const send = form.querySelector("button.primary");
const PAUSE = 250;

document.getElementById("look").hidden = true;

function count() {
  for (const place of document.querySelectorAll("[data-count]")) {
    const length = [...form.elements[place.dataset.count].value].length;
    const limit = place.dataset.limit;
    place.textContent = limit ? `${length} of ${limit}` : `${length} character${length === 1 ? "" : "s"}`;
  }
}

let waiting = 0;
let asked = null;

async function look() {
  asked?.abort();
  asked = new AbortController();
  const body = new URLSearchParams(new FormData(form));
  try {
    const part = await fetchPart("/pub/preview", { method: "POST", body, signal: asked.signal });
    put(preview, part.html);
  } catch {
    // Overtaken by the next key stroke, or this server is away: what is shown stays.
  }
}

// The panel says that the broker is down; it must not go on saying so when it is back.
let down = false;
listen((news) => {
  if (news.kind === "up" && down) look();
  if (news.kind === "up" || news.kind === "down") down = news.kind === "down";
});

form.addEventListener("input", () => {
  count();
  clearTimeout(waiting);
  waiting = setTimeout(look, PAUSE);
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (send.disabled) return;
  send.disabled = true;
  try {
    const body = new URLSearchParams(new FormData(form));
    show(await fetchPart("/pub", { method: "POST", body }));
  } catch {
    put(refused, '<p class="notice bad" role="alert">This page cannot reach its own server. Publish again when it is back: the same form is never sent out twice.</p>');
  } finally {
    send.disabled = false;
  }
});

function show(part) {
  put(refused, part.ok ? "" : part.html);
  const wrong = (refused.querySelector("[data-fields]")?.dataset.fields ?? "").split(" ");
  for (const name of ["title", "body"]) {
    const field = form.elements[name];
    if (wrong.includes(name)) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
  const place = part.ok ? result : refused;
  if (part.ok) {
    place.insertAdjacentHTML("afterbegin", part.html);
    const card = place.firstElementChild;
    while (place.children.length > 5) place.lastElementChild.remove();
    follow(card.querySelector("[data-progress]"));
    form.elements.title.value = form.elements.body.value = "";
    form.elements.body.focus();
    count();
    look();
  }
  const fresh = place.querySelector("[data-key]")?.dataset.key;
  if (fresh) form.elements.key.value = fresh;
}

count();
