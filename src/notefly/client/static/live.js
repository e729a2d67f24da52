// One event stream for the whole browser: six would use up its connections to this host.
// The tab that holds the lock listens, and tells the others; when it closes, another one takes over
// and resumes behind the last event that was heard.

const listeners = new Set();
const others = "BroadcastChannel" in window ? new BroadcastChannel("notefly-events") : null;
let lastId = "";
let leading = false;
let standing = { kind: "connecting" };

function hear(news) {
  if (news.id) lastId = news.id;
  if (news.kind === "up" || news.kind === "down") standing = news;
  for (const listener of listeners) listener(news);
}

function tell(news) {
  hear(news);
  others?.postMessage(news);
}

function open() {
  leading = true;
  const source = new EventSource("/events" + (lastId ? `?after=${encodeURIComponent(lastId)}` : ""));
  const pass = (event) => tell({ kind: "event", id: event.lastEventId, fact: JSON.parse(event.data) });
  source.addEventListener("message", pass);
  source.addEventListener("delivery", pass);
  source.addEventListener("reset", () => tell({ kind: "reset" }));
  source.addEventListener("chaos", () => tell({ kind: "chaos" }));
  source.addEventListener("up", () => tell({ kind: "up" }));
  source.addEventListener("down", () => tell({ kind: "down" }));
  source.addEventListener("error", () => {
    tell({ kind: "down" });
    if (source.readyState === EventSource.CLOSED) setTimeout(open, 2000);
  });
  return new Promise(() => {});
}

if (others) {
  others.addEventListener("message", ({ data }) => {
    if (data.kind !== "who") hear(data);
    else if (leading) others.postMessage(standing);
  });
  others.postMessage({ kind: "who" });
}

if (others && navigator.locks) navigator.locks.request("notefly-events", open);
else open();

// Called with {kind: "event", fact} | {kind: "up"} | {kind: "down"} | {kind: "reset"} | {kind: "chaos"}.
export function listen(listener) {
  listeners.add(listener);
  listener(standing);
}
