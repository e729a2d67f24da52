"use strict";

const SHOWN = 50;
const CHANNELS = { email: "E-mail", push: "Push", sms: "SMS" };

document.documentElement.classList.add("script");

for (const picker of document.querySelectorAll("[data-submits]")) {
  picker.addEventListener("change", () => picker.form.requestSubmit());
}

// ---- addresses: the server says what is wrong, and how it spells what is right

async function check(field) {
  const input = field.querySelector("input");
  const problem = field.querySelector(".problem");
  const value = input.value.trim();
  let found = { value: null, problem: "" };
  if (value !== "") {
    try {
      const answer = await fetch(field.closest("form").dataset.check, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ kind: field.dataset.kind, value }),
      });
      if (!answer.ok) return;
      found = await answer.json();
    } catch {
      return; // Saving checks it again.
    }
  }
  if (input.value.trim() !== value) return; // It was typed on meanwhile.
  problem.textContent = found.problem ?? "";
  input.toggleAttribute("aria-invalid", false);
  if (found.problem) input.setAttribute("aria-invalid", "true");
  input.classList.toggle("checked", found.value !== null);
  if (found.value !== null) input.value = found.value;
}

for (const field of document.querySelectorAll("[data-kind]")) {
  field.querySelector("input").addEventListener("change", () => check(field));
}

// ---- live messages; closed while nobody looks, because browsers allow few connections to a host

const live = document.getElementById("live");
const list = document.getElementById("messages");
const pulse = document.getElementById("pulse");
let source = null;
let last = null;

function told(message) {
  const entry = document.createElement("li");
  const head = document.createElement("div");
  const tag = document.createElement("span");
  tag.className = "tag";
  tag.textContent = message.category;
  const when = document.createElement("time");
  when.dateTime = message.accepted_at;
  const how = (message.channels ?? []).map((name) => CHANNELS[name] ?? name).join(", ");
  const clock = new Date(message.accepted_at).toLocaleTimeString();
  when.textContent = ` ${clock}${how ? ` · ${how}` : ""}`;
  head.append(tag, when);
  entry.append(head);
  if (message.title) {
    const title = document.createElement("strong");
    title.textContent = message.title;
    entry.append(title);
  }
  const body = document.createElement("div");
  body.className = "body";
  body.textContent = message.body;
  entry.append(body);
  return entry;
}

function open() {
  const address = new URL(live.dataset.stream, location.href);
  if (last) address.searchParams.set("after", last);
  source = new EventSource(address);
  source.onopen = () => { pulse.textContent = "live"; };
  source.onerror = () => { pulse.textContent = "reconnecting"; };
  source.onmessage = (event) => {
    last = event.lastEventId;
    list.prepend(told(JSON.parse(event.data)));
    while (list.children.length > SHOWN) list.lastElementChild.remove();
  };
}

function close() {
  source?.close();
  source = null;
  pulse.textContent = "";
}

if (live) {
  if (!document.hidden) open();
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else if (!source) open();
  });
  window.addEventListener("pagehide", close);
}
