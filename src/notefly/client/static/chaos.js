// The number beside each slider, and no more people in trouble than there are.

const WITH = { failure_rate: "refusal_rate", refusal_rate: "failure_rate" };

function tell(slider) {
  const output = document.querySelector(`output[for="${CSS.escape(slider.id)}"]`);
  output.textContent = `${slider.value} ${output.dataset.unit}`;
  slider.toggleAttribute("data-turned", Number(slider.value) > 0);
}

function makeRoom(slider) {
  const [channel, dial] = slider.id.split(".");
  const other = document.getElementById(`${channel}.${WITH[dial]}`);
  if (!other) return;
  other.value = Math.min(other.value, slider.max - slider.value);
  tell(other);
}

for (const slider of document.querySelectorAll(".dial input")) {
  tell(slider);
  slider.addEventListener("input", () => {
    tell(slider);
    makeRoom(slider);
  });
}
