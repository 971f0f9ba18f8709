// Draws each <canvas data-chart="id"> from the JSON in the element with that id.
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  ArcElement,
  DoughnutController,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
} from "chart.js";

const tones = ["blue", "green", "amber", "red", "grey"];
// A custom property holds light-dark(…) as text; only a painted colour tells which side is meant.
const probe = document.createElement("span");
function colour(name) {
  document.body.append(probe);
  probe.style.color = `var(${name})`;
  const painted = getComputedStyle(probe).color;
  probe.remove();
  return painted;
}
const number = new Intl.NumberFormat("en");
const share = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 2 });

// Each limit (where AWS reviews, where it pauses) is drawn across the plot and named on it. Of two
// that are too near to be read above each other, the second name stands beside the first.
const limits = {
  id: "limits",
  afterDatasetsDraw({ ctx, chartArea, scales }, _, { lines }) {
    ctx.save();
    ctx.font = Chart.defaults.font.string;
    const named = [];
    for (const { value, label, tone } of lines ?? []) {
      const y = scales.y.getPixelForValue(value);
      const beside = named.filter((other) => Math.abs(other.y - y) < 14).map(({ end }) => end);
      const x = Math.max(chartArea.left + 6, ...beside);
      named.push({ y, end: x + ctx.measureText(label).width + 12 });
      ctx.strokeStyle = ctx.fillStyle = colour(`--tone-${tone ?? "red"}-text`);
      ctx.setLineDash([4, 4]);
      ctx.beginPath();
      ctx.moveTo(chartArea.left, y);
      ctx.lineTo(chartArea.right, y);
      ctx.stroke();
      ctx.textAlign = "left";
      ctx.fillText(label, x, y - 5);
    }
    ctx.restore();
  },
};

// A value without neighbours makes no line: it is drawn as a point.
const empty = (value) => value === null || value === undefined;
const stands = (values, at) => empty(values[at - 1]) && empty(values[at + 1]);

// A line is named where it ends, so that no legend has to be matched by colour.
const endLabels = {
  id: "endLabels",
  afterDatasetsDraw(chart) {
    if (chart.config.type !== "line") return;
    const { ctx, chartArea } = chart;
    ctx.save();
    ctx.font = Chart.defaults.font.string;
    ctx.textBaseline = "middle";
    const ends = chart.data.datasets.map((dataset, index) => ({
      y: chart.getDatasetMeta(index).data.at(-1)?.y ?? 0,
      dataset,
    }));
    ends.sort((a, b) => a.y - b.y);
    let free = -Infinity;
    for (const [index, { y, dataset }] of ends.entries()) {
      const lowest = chartArea.bottom - 14 * (ends.length - 1 - index); // room for those below
      const at = Math.min(Math.max(y, free + 14), lowest);
      free = at;
      ctx.fillStyle = dataset.textColor;
      ctx.fillText(dataset.label, chartArea.right + 8, at);
    }
    ctx.restore();
  },
};

Chart.register(
  ArcElement, BarController, BarElement, CategoryScale, DoughnutController, LinearScale,
  LineController, LineElement, PointElement, Tooltip, limits, endLabels,
);

function width(canvas, text) {
  const drawn = canvas.getContext("2d");
  drawn.font = `${Chart.defaults.font.size}px ${Chart.defaults.font.family}`;
  return Math.ceil(drawn.measureText(text).width);
}

function draw(canvas) {
  Chart.getChart(canvas)?.destroy();
  const { kind, labels, series, lines, percent } = JSON.parse(document.getElementById(canvas.dataset.chart).textContent);
  const format = (value) => (percent ? share : number).format(value);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const round = kind === "doughnut";
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = 12;
  Chart.defaults.color = colour("--color-muted");
  const fill = (index, tone) => colour(`--tone-${tone ?? tones[index % tones.length]}`);
  const datasets = series.map(({ label, values, tone, tones: parts }, index) => {
    const main = fill(index, tone);
    const single = { label, data: values, borderColor: main, backgroundColor: main };
    single.textColor = colour(`--tone-${tone ?? tones[index % tones.length]}-text`);
    if (round) {
      single.backgroundColor = values.map((_, part) => fill(part, parts?.[part]));
      single.borderColor = colour("--color-base-100");
    } else if (kind === "line") {
      const pointRadius = ({ dataIndex }) => (stands(single.data, dataIndex) ? 3 : 0);
      Object.assign(single, { borderWidth: 2, pointRadius, pointHitRadius: 12, tension: 0.25 });
    } else {
      Object.assign(single, { borderRadius: 3, maxBarThickness: 32 });
    }
    return single;
  });
  const names = kind === "line" ? Math.max(...series.map(({ label }) => width(canvas, label))) : 0;
  const top = Math.max(0, ...(lines ?? []).map(({ value }) => value));
  new Chart(canvas, {
    type: kind,
    data: { labels, datasets },
    options: {
      animation: still ? false : { duration: 120 },
      maintainAspectRatio: false,
      interaction: { mode: round ? "nearest" : "index", intersect: round },
      layout: { padding: { right: names + (names ? 12 : 0), top: 8 } },
      cutout: "70%",
      plugins: {
        limits: { lines },
        tooltip: {
          animation: false,
          callbacks: { label: ({ dataset, raw, label }) => ` ${round ? label : dataset.label}: ${format(raw)}` },
        },
      },
      scales: round
        ? {}
        : {
            x: { grid: { display: false }, border: { color: colour("--color-line") }, ticks: { maxTicksLimit: 8, maxRotation: 0 } },
            y: {
              beginAtZero: true,
              suggestedMax: top * 1.15,
              border: { display: false },
              grid: { color: colour("--color-line") },
              ticks: { maxTicksLimit: 5, callback: format, precision: percent ? undefined : 0 },
            },
          },
    },
  });
}

const drawAll = (root = document) => root.querySelectorAll("canvas[data-chart]").forEach(draw);

drawAll();
document.addEventListener("htmx:load", ({ detail }) => {
  if (detail.elt !== document.body) drawAll(detail.elt);
});
document.addEventListener("themechange", () => drawAll());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());
