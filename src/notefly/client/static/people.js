// What goes wrong with a click is said above the grid, which stays as it is.

const trouble = document.getElementById("trouble");
const AWAY = "This page cannot reach its own server. Nothing was saved; click again when it is back.";

const inGrid = (target) => target.matches?.("tr, [data-choices]");

document.addEventListener("htmx:beforeSwap", (event) => {
  const { detail } = event;
  if (!inGrid(detail.target)) return;
  if (detail.xhr.status < 400) return trouble.replaceChildren();
  detail.target = trouble;
  detail.swapOverride = "innerHTML";
});

document.addEventListener("htmx:sendError", (event) => {
  if (!inGrid(event.detail.target)) return;
  const notice = Object.assign(document.createElement("p"), { className: "notice bad", textContent: AWAY });
  trouble.replaceChildren(notice);
});
