// Draws what the table says. The chart stays in the page; only its numbers are exchanged.

const place = document.getElementById("chart");
const dark = matchMedia("(prefers-color-scheme: dark)");
const LONGEST = 15 * 60;
const SHORTEST = 2 * 60;
let chart = null;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const series = () => JSON.parse(document.getElementById("flows")?.dataset.series ?? "[[],[],[],[]]").slice(0, 3);
const size = () => ({ width: place.clientWidth, height: place.clientHeight });
const minutes = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const seconds = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const said = (ticks) => (ticks[1] - ticks[0] < 60 ? seconds : minutes);

function line(label, name, dash) {
  return { label, stroke: colour(name), width: 2, dash, points: { show: false }, paths: uPlot.paths.stepped({ align: -1 }) };
}

function draw() {
  chart?.destroy();
  const axis = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  const now = () => Date.now() / 1000;
  // Of a broker that runs since a moment ago, not a quarter of an hour of nothing.
  const known = () => Math.min(LONGEST, Math.max(SHORTEST, now() - (chart?.data[0][0] ?? now())));
  chart = new uPlot(
    {
      ...size(),
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { range: () => [now() - known(), now()] },
        y: { range: (_, low, high) => [0, Math.max(1, high * 1.1 || 0)] },
      },
      axes: [
        { ...axis, size: 28, space: 90, values: (_, ticks) => ticks.map((at) => said(ticks).format(new Date(at * 1000))) },
        { ...axis, size: 44, space: 40 },
      ],
      series: [{}, line("in", "sending"), line("out", "delivered", [6, 4])],
    },
    series(),
    place,
  );
}

draw();
dark.addEventListener("change", draw);
new ResizeObserver(() => chart.setSize(size())).observe(place);
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "flow") chart.setData(series());
});
