// Draws `figure.chart[data-smoke]`: the median of a round trip in the smoke of its percentiles, what was lost as bars
// from below, maintenance striped behind. A step in which nothing was measured is a gap.
import uPlot from "uplot";

interface Values { count: number; min: number | null; max: number | null; percentiles: Record<string, number | null> | null; mean: number | null }
interface Step { from: string; to: string; values: Values | null; loss_ratio: number | null; answered: number; failed: number }
interface Span { title: string; from: string; to: string }
interface Answer { steps?: Step[]; maintenance?: Span[] }
type Column = (number | null)[];

export interface Tools {
  show: (unit: string, value: number | null | undefined) => string;
  hours: (ticks: number[], step: number, stamp: Intl.DateTimeFormat) => string[];
  table: (figure: HTMLElement, names: string[], data: uPlot.AlignedData, units: string[], zone: string) => void;
}

const INK = "#1f77b4", LOSS = "#c1121f";
const PERCENTILES = ["p5", "p25", "p50", "p75", "p95"];

function columns(steps: Step[]): uPlot.AlignedData {
  const at: number[] = [];
  const all: Column[] = [[], [], [], [], [], [], [], []];
  steps.forEach((step, i) => {
    const from = Date.parse(step.from) / 1000;
    // A hole between steps is shown as one.
    const before = i > 0 ? Date.parse(steps[i - 1].to) / 1000 : from;
    if (from - before > 1) {
      at.push((from + before) / 2);
      for (const column of all) column.push(null);
    }
    at.push(from);
    const v = step.values, q = v?.percentiles;
    const inner = PERCENTILES.map((name) => q?.[name] ?? v?.mean ?? null);
    const row = [v?.min ?? null, ...inner, v?.max ?? null, step.loss_ratio ?? (step.failed + step.answered > 0 ? step.failed / (step.failed + step.answered) : null)];
    row.forEach((value, n) => all[n].push(value));
  });
  return [at, ...all];
}

// Maintenance, striped so that it is no colour alone.
function stripes(u: uPlot, spans: Span[], ink: string): void {
  const { left, top, width, height } = u.bbox;
  u.ctx.save();
  u.ctx.strokeStyle = ink;
  u.ctx.globalAlpha = 0.35;
  for (const span of spans) {
    const x = (at: number): number => Math.min(Math.max(u.valToPos(at / 1000, "x", true), left), left + width);
    const from = x(Date.parse(span.from)), to = Math.max(x(Date.parse(span.to)), from + 2);
    if (to <= left || from >= left + width) continue;
    u.ctx.save();
    u.ctx.beginPath();
    u.ctx.rect(from, top, to - from, height);
    u.ctx.clip();
    u.ctx.beginPath();
    for (let d = from - height; d < to; d += 9) {
      u.ctx.moveTo(d, top + height);
      u.ctx.lineTo(d + height, top);
    }
    u.ctx.stroke();
    u.ctx.restore();
  }
  u.ctx.restore();
}

export function smoke(figure: HTMLElement, tools: Tools): void {
  const plot = figure.querySelector<HTMLElement>(".plot");
  if (!plot) return;
  const zone = figure.dataset.zone ?? "UTC";
  const names = JSON.parse(figure.dataset.names ?? "[]") as string[];
  const days = Number(figure.dataset.days ?? "1");
  const stamp = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  let chart: uPlot | undefined;
  let spans: Span[] = [];

  const make = (data: uPlot.AlignedData): uPlot => {
    plot.replaceChildren();
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--ink-2").trim(), grid = style.getPropertyValue("--line").trim();
    const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 }, font: "12px sans-serif" };
    const hidden = (label: string) => ({ label, stroke: "transparent", points: { show: false }, value: (_u: uPlot, v: number | null) => tools.show("s", v) });
    const made = new uPlot({
      width: Math.max(plot.clientWidth, 240),
      height: 260,
      tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), zone),
      cursor: { drag: { x: false, y: false } },
      scales: {
        // The whole span, measured or not: a line that was declared yesterday has no two years.
        x: { range: () => [Date.now() / 1000 - days * 86_400, Date.now() / 1000] },
        y: { range: (_u, _min, max) => [0, max !== null && max > 0 ? max * 1.05 : 1] },
        loss: { range: () => [0, 1] },
      },
      bands: [
        { series: [7, 1], fill: `${INK}14` },
        { series: [6, 2], fill: `${INK}2c` },
        { series: [5, 3], fill: `${INK}66` },
      ],
      hooks: { drawClear: [(u) => stripes(u, spans, ink)] },
      axes: [
        { ...axis, space: 64, values: (_u, ticks, _axis, _space, step) => tools.hours(ticks, step, stamp) },
        { ...axis, size: 84, values: (_u, ticks) => ticks.map((t) => tools.show("s", t)) },
        { ...axis, side: 1, scale: "loss", size: 56, grid: { show: false }, values: (_u, ticks) => ticks.map((t) => tools.show("ratio", t)) },
      ],
      series: [
        { value: (_u, t) => (t === null ? "–" : stamp.format(t * 1000)), label: names[0] ?? "" },
        ...names.slice(1, 4).map(hidden),
        { label: names[4] ?? "", stroke: INK, width: 1.8, spanGaps: false, value: (_u: uPlot, v: number | null) => tools.show("s", v) },
        ...names.slice(5, 8).map(hidden),
        {
          label: names[8] ?? "", scale: "loss", stroke: LOSS, fill: `${LOSS}b0`, width: 0, points: { show: false },
          paths: uPlot.paths.bars?.({ size: [0.9, 12, 1] }), value: (_u: uPlot, v: number | null) => tools.show("ratio", v),
        },
      ],
    }, data, plot);
    new ResizeObserver(() => made.setSize({ width: Math.max(plot.clientWidth, 240), height: 260 })).observe(plot);
    return made;
  };

  const fresh = async (): Promise<void> => {
    if (!figure.isConnected) return clearInterval(timer);
    if (document.hidden && chart) return;
    try {
      const from = new Date(Date.now() - days * 86_400_000).toISOString();
      const answer = await fetch(`${figure.dataset.smoke}&from=${encodeURIComponent(from)}`, { headers: { accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const found = (await answer.json()) as Answer;
      spans = found.maintenance ?? [];
      const data = columns(found.steps ?? []);
      if (!data[0].length) {
        chart?.destroy();
        chart = undefined;
        plot.textContent = figure.dataset.none ?? "";
        return;
      }
      if (chart) chart.setData(data);
      else chart = make(data);
      figure.dataset.time = names[0];
      tools.table(figure, names.slice(1), data, [...Array<string>(7).fill("s"), "ratio"], zone);
    } catch {
      if (!chart) plot.textContent = figure.dataset.failed ?? "";
    }
  };
  void fresh();
  const timer = setInterval(() => void fresh(), days > 7 ? 300_000 : 60_000);
}
