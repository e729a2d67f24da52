// Parts of pages are made by the server; this puts them in place.

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

const shown = new WeakMap();

export function enliven(root) {
  for (const time of root.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    const today = at.toDateString() === new Date().toDateString();
    time.title = at.toISOString();
    time.textContent = (today ? clock : calendar).format(at);
  }
  for (const button of root.querySelectorAll("button[data-copy]")) button.hidden = !navigator.clipboard;
}

// The answer is put into the page whatever its status: a refusal is a part of the page too.
export async function fetchPart(address, request = {}) {
  const headers = { "X-Part": "1" };
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

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 1500);
});

enliven(document);
