// The time that is asked for is the reader's own; what is sent is UTC, as everywhere else.

const form = document.getElementById("narrow");
const since = document.getElementById("f-since");

if (form) {
  document.getElementById("zone").textContent = "";
  if (since.value) {
    const at = new Date(`${since.value}Z`);
    since.value = new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
  }
  form.addEventListener("formdata", ({ formData }) => {
    if (since.value) formData.set("since", new Date(since.value).toISOString());
    for (const [name, value] of [...formData]) if (!value) formData.delete(name);
  });
}
