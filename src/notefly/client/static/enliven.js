// What only a script can add to what the server made.

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function enliven(root) {
  for (const time of root.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    const today = at.toDateString() === new Date().toDateString();
    time.title = at.toISOString();
    time.textContent = (today ? clock : calendar).format(at);
  }
  for (const button of root.querySelectorAll("button[data-copy]")) button.hidden = !navigator.clipboard;
}
