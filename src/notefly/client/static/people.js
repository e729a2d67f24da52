// A click saves, and what goes wrong with it is said above the grid, which stays as it is.

const trouble = document.getElementById("trouble");
const UNSEEN = "It was saved, but this page cannot reach its own server to show it; load the page again.";
const AWAY = "This page cannot reach its own server. Nothing was saved; click again when it is back.";

const inGrid = (target) => target.matches?.("tr, [data-choices]");

// Answers to quick clicks overtake each other, and each tells all choices of the person: of several
// that were under way together none is shown, but what a look after the last of them finds.
const underWay = new WeakMap();
const of = (target) => underWay.get(target) ?? { count: 0, crossed: false };

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  const { target, verb } = detail.requestConfig;
  if (!inGrid(target)) return;
  const { count, crossed } = of(target);
  underWay.set(target, { count: count + 1, crossed: crossed || count > 0 });
  if (verb === "post") trouble.replaceChildren();
});

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (!inGrid(detail.target)) return;
  if (detail.xhr.status < 400) {
    if (of(detail.target).crossed) detail.shouldSwap = false;
    return;
  }
  detail.target = trouble;
  detail.swapOverride = "innerHTML";
});

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const { target, path } = detail.requestConfig;
  if (!inGrid(target)) return;
  const { count, crossed } = of(target);
  const look = crossed && count === 1;
  underWay.set(target, { count: count - 1, crossed: crossed && !look });
  if (!look) return;
  const values = target.matches("tr") ? {} : { alone: 1 };
  window.htmx.ajax("GET", path, { source: target, target, values, swap: "innerHTML" });
});

document.addEventListener("htmx:sendError", ({ detail }) => {
  const { target, verb } = detail.requestConfig;
  if (!inGrid(target)) return;
  const textContent = verb === "get" ? UNSEEN : AWAY;
  const notice = Object.assign(document.createElement("p"), { className: "notice bad", textContent });
  trouble.replaceChildren(notice);
});
