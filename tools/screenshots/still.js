// Called with patterns and what to put there: makes a page look the same at every run.

(replacements) => {
  const patterns = Object.entries(replacements).map(([from, to]) => [new RegExp(from, "g"), to]);
  const ids = new Map();
  const known = (id) => ids.get(id) ?? ids.set(id, `0193f2a4-7c1e-7d02-9a5b-${String(ids.size + 1).padStart(12, "0")}`).get(id);
  const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g;

  // What is on its way from the server must not come after this.
  document.addEventListener("htmx:beforeSwap", (event) => (event.detail.shouldSwap = false));

  const still = (text) => patterns.reduce((said, [from, to]) => said.replace(from, to), text.replace(uuid, known));

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const said = still(texts.currentNode.data);
    if (said !== texts.currentNode.data) texts.currentNode.data = said;
  }
  for (const field of document.querySelectorAll("input[value]")) field.value = still(field.value);
};
