// Counts while a message is written, and makes the form ready for the next one when it was sent.

import { listen } from "./live.js";

const form = document.getElementById("publish");
const preview = document.getElementById("preview");
const result = document.getElementById("result");
const refused = document.getElementById("refused");
const CARDS = 3;

document.getElementById("look").hidden = true;

function count() {
  for (const place of document.querySelectorAll("[data-count]")) {
    const length = [...form.elements[place.dataset.count].value].length;
    const limit = place.dataset.limit;
    place.textContent = limit ? `${length} of ${limit}` : `${length} character${length === 1 ? "" : "s"}`;
  }
}

function mark() {
  const wrong = (refused.querySelector("[data-fields]")?.dataset.fields ?? "").split(" ");
  for (const name of ["title", "body"]) {
    const field = form.elements[name];
    if (wrong.includes(name)) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
}

// What was sent stays in sight until somebody writes again: its calls, and how it went out. So the
// panel must have seen the last of it before the form is emptied, and nothing of the empty form.
let unseen = false;
let sent = false;

function unwritten() {
  const counters = document.getElementById("counters");
  const said = document.createElement("li");
  said.textContent = counters.dataset.unwritten;
  counters.replaceChildren(said);
}

form.addEventListener("input", () => {
  unseen = true;
  sent = false;
});

form.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (detail.elt === form && unseen) htmx.trigger(preview, "look");
});

preview.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt !== preview) return;
  if (sent) event.preventDefault();
  else unseen = false;
});

preview.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.elt === preview && sent) unwritten();
});

// The panel says that the broker is down; it must not go on saying so when it is back.
let down = false;
listen((news) => {
  if (news.kind === "up" && down && !sent) htmx.trigger(preview, "look");
  if (news.kind === "up" || news.kind === "down") down = news.kind === "down";
});

form.addEventListener("input", count);

form.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.elt !== form || !detail.xhr.status) return;
  if (detail.xhr.status < 400) {
    refused.replaceChildren();
    while (result.children.length > CARDS) result.lastElementChild.remove();
    form.elements.title.value = form.elements.body.value = "";
    form.elements.body.focus();
    sent = true;
    count();
    unwritten();
  }
  mark();
});

form.addEventListener("htmx:sendError", ({ detail }) => {
  if (detail.elt !== form) return;
  const said = document.createElement("p");
  said.className = "notice bad";
  said.role = "alert";
  said.textContent = "This page cannot reach its own server. Publish again when it is back: the same form is never sent out twice.";
  refused.replaceChildren(said);
});

count();
