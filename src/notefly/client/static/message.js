import { follow } from "./progress.js";

for (const place of document.querySelectorAll("[data-progress]")) follow(place);
