// `g` and a letter lead to a page, `?` shows which, `/` leads to the first field.

const PATIENCE = 1500;
const help = document.getElementById("keys");
let since = -Infinity;

const pageOf = (key) => /^[a-z]$/.test(key) && document.querySelector(`nav [data-key="${key}"]`);
const typing = (target) => target.closest("input:not([type=checkbox]):not([type=radio]), select, textarea, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
  const going = event.timeStamp - since < PATIENCE;
  since = -Infinity;
  if (going && pageOf(event.key)) location.href = pageOf(event.key).href;
  else if (event.key === "g") since = event.timeStamp;
  else if (event.key === "?") help.open ? help.close() : help.showModal();
  else if (event.key === "/") document.querySelector("main :is(input:not([type=hidden]), select, textarea)")?.focus();
  else return;
  event.preventDefault();
});

for (const opener of document.querySelectorAll("[data-opens]")) {
  opener.hidden = false;
  opener.addEventListener("click", () => document.getElementById(opener.dataset.opens).showModal());
}
