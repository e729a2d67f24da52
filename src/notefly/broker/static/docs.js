"use strict";
// Swagger UI has dark colours of its own, for those who put this class there.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow();
dark.addEventListener("change", follow);

// The broker does not know where the console is; the browser knows where its reader came from.
const back = document.getElementById("back");
back.hidden = history.length < 2;
back.addEventListener("click", () => history.back());

SwaggerUIBundle({
  url: document.getElementById("docs").dataset.url,
  dom_id: "#docs",
  deepLinking: true,
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
  presets: [SwaggerUIBundle.presets.apis],
});
