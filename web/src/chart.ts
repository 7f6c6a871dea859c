// Draws `figure.chart`: fetches the series it names, draws them with uPlot, keeps them fresh, and fills the
// table behind. Values are shown in the unit that the figure says; gaps in the data are gaps in the line. A
// single measured line lies in the band of its extremes; incidents that `data-marks` names are shaded.
import uPlot from "uplot";

import { smoke } from "./smoke";

interface Line { url: string; name: string; rate: number | null }
interface Mark { from: string; to: string | null; severity: string }
type Column = (number | null)[];
interface Point { at: string; mean: number | null; last: number | null; max: number | null; min: number | null }

const COLOURS = ["#1f77b4", "#d1571b", "#2b8a4b", "#8e44ad", "#b8860b", "#c2185b"];
const REFRESH_MS = 15_000;

function scaled(value: number, step: number, units: string[]): string {
  let at = 0;
  while (Math.abs(value) >= step && at + 1 < units.length) { value /= step; at += 1; }
  return `${trim(value)} ${units[at]}`;
}

function trim(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
}

function show(unit: string, value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  switch (unit) {
    case "s": return Math.abs(value) < 0.001 && value !== 0 ? `${trim(value * 1e6)} µs` : Math.abs(value) < 1 ? `${trim(value * 1e3)} ms` : `${trim(value)} s`;
    case "ratio": return `${trim(value * 100)} %`;
    case "bps": return scaled(value, 1000, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"]);
    case "B": return scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);
    default: return `${trim(value)}${unit ? ` ${unit}` : ""}`;
  }
}

// Marks of the time axis: 24 hours, as people here write them; the day below where it begins.
function hours(ticks: number[], step: number, stamp: Intl.DateTimeFormat): string[] {
  let day = "";
  return ticks.map((tick) => {
    const [date, time] = stamp.format(tick * 1000).split(" ");
    const fresh = date !== day;
    day = date;
    if (step >= 86_400) return date.slice(5);
    return `${time.slice(0, step >= 60 ? 5 : 8)}${fresh ? `\n${date}` : ""}`;
  });
}

// A counter as its growth a second; a counter that fell was reset, and says nothing for that step.
function rate(points: Point[], times: number): [number[], (number | null)[]] {
  const at: number[] = [], values: (number | null)[] = [];
  for (let i = 1; i < points.length; i += 1) {
    const [a, b] = [points[i - 1], points[i]];
    const seconds = (Date.parse(b.at) - Date.parse(a.at)) / 1000;
    at.push(Date.parse(b.at) / 1000);
    const grown = b.last === null || a.last === null ? -1 : b.last - a.last;
    values.push(grown < 0 || seconds <= 0 ? null : (grown / seconds) * times);
  }
  return [at, values];
}

// Times, then one column, or three where the band of extremes is wanted.
async function fetchLine(line: Line, figure: HTMLElement, band: boolean): Promise<[number[], ...Column[]]> {
  const hours = Number(figure.dataset.hours ?? "3");
  const from = figure.dataset.from ?? new Date(Date.now() - hours * 3_600_000).toISOString();
  const to = figure.dataset.to ? `&to=${encodeURIComponent(figure.dataset.to)}` : "";
  const answer = await fetch(`${line.url}&from=${encodeURIComponent(from)}${to}&max_points=400`, { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  const points = ((await answer.json()) as { points?: Point[] }).points ?? [];
  if (line.rate !== null) return rate(points, line.rate);
  const at = points.map((p) => Date.parse(p.at) / 1000);
  const mean = points.map((p) => p.mean);
  return band ? [at, mean, points.map((p) => p.min), points.map((p) => p.max)] : [at, mean];
}

// Shades the time of each incident, behind the lines.
function shade(u: uPlot, marks: Mark[], style: CSSStyleDeclaration): void {
  const { left, top, width, height } = u.bbox;
  u.ctx.save();
  for (const mark of marks) {
    const x = (at: number): number => Math.min(Math.max(u.valToPos(at / 1000, "x", true), left), left + width);
    const from = x(Date.parse(mark.from)), to = x(mark.to ? Date.parse(mark.to) : Date.now());
    if (to <= left || from >= left + width) continue;
    u.ctx.globalAlpha = 0.16;
    u.ctx.fillStyle = style.getPropertyValue(`--${mark.severity}`).trim();
    u.ctx.fillRect(from, top, Math.max(to - from, 2), height);
  }
  u.ctx.restore();
}

function table(figure: HTMLElement, names: string[], data: uPlot.AlignedData, units: string[], zone: string): void {
  const place = figure.querySelector(".numbers");
  if (!place) return;
  const grid = document.createElement("table");
  grid.className = "grid";
  const cell = (row: HTMLTableRowElement, tag: "td" | "th", text: string, number: boolean) => {
    const c = document.createElement(tag);
    c.textContent = text;
    if (number) c.className = "number";
    row.append(c);
  };
  const head = grid.createTHead().insertRow();
  cell(head, "th", `${figure.dataset.time ?? ""} (${zone})`, false);
  for (const name of names) cell(head, "th", name, true);
  const body = grid.createTBody();
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  for (let i = data[0].length - 1; i >= 0 && body.rows.length < 200; i -= 1) {
    const row = body.insertRow();
    cell(row, "td", format.format(data[0][i] * 1000), false);
    for (let s = 1; s < data.length; s += 1) cell(row, "td", show(units[s - 1] ?? units[0] ?? "", data[s][i] as number | null), true);
  }
  place.replaceChildren(grid);
}

// The upper end of the scale: a share near one reaches one, what is zero all the time lies at the bottom.
function top(unit: string, max: number | null): number {
  if (max === null || !(max > 0)) return 1;
  return unit === "ratio" && max > 0.5 && max <= 1 ? 1 : max * 1.1;
}

// Another span: in place, and in the address, so that the page can be sent on as it is.
document.addEventListener("click", (event) => {
  const link = (event.target as HTMLElement).closest<HTMLAnchorElement>("a[data-span]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.replaceState(null, "", link.href);
  for (const other of document.querySelectorAll<HTMLAnchorElement>("a[data-span]")) {
    if (other.dataset.span === link.dataset.span) other.setAttribute("aria-current", "true");
    else other.removeAttribute("aria-current");
  }
  for (const figure of document.querySelectorAll<HTMLElement>("figure.chart[data-hours]")) {
    figure.dataset.hours = link.dataset.span;
    figure.dispatchEvent(new CustomEvent("span"));
  }
});

function draw(figure: HTMLElement): void {
  figure.dataset.dressed = "1";
  if (figure.dataset.smoke) return smoke(figure, { show, hours, table });
  const plot = figure.querySelector<HTMLElement>(".plot");
  if (!plot) return;
  const lines = JSON.parse(figure.dataset.lines ?? "[]") as Line[];
  const unit = figure.dataset.unit ?? "";
  const zone = figure.dataset.zone ?? "UTC";
  const marks = JSON.parse(figure.closest<HTMLElement>("[data-marks]")?.dataset.marks ?? "[]") as Mark[];
  const band = lines.length === 1 && lines[0].rate === null && !/[?&]field=up(&|$)/.test(lines[0].url);
  const names = [...lines.map((line) => line.name), ...(band ? [figure.dataset.least ?? "", figure.dataset.most ?? ""] : [])];
  let chart: uPlot | undefined;

  const fresh = async (): Promise<void> => {
    if (!figure.isConnected) return clearInterval(timer);
    if (document.hidden) return;
    try {
      const found = await Promise.all(lines.map((line) => fetchLine(line, figure, band)));
      const data = uPlot.join(found.map((columns) => columns as uPlot.AlignedData));
      if (!data[0]?.length) {
        chart?.destroy();
        plot.textContent = figure.dataset.none ?? "";
        chart = undefined;
        return;
      }
      if (chart) chart.setData(data);
      else chart = make(data);
      table(figure, names, data, [unit], zone);
    } catch {
      if (!chart) plot.textContent = figure.dataset.failed ?? "";
    }
  };

  const stamp = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  const make = (data: uPlot.AlignedData): uPlot => {
    plot.replaceChildren();
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--ink-2").trim(), grid = style.getPropertyValue("--line").trim();
    const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 }, font: "12px sans-serif" };
    const made = new uPlot({
      width: Math.max(plot.clientWidth, 240),
      height: 190,
      tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), zone),
      cursor: { drag: { x: true, y: false } },
      scales: { y: { range: (_u, min, max) => [Math.min(0, min ?? 0), top(unit, max)] } },
      bands: band ? [{ series: [3, 2], fill: `${COLOURS[0]}30` }] : [],
      hooks: { drawClear: [(u) => shade(u, marks, style)] },
      axes: [{ ...axis, space: 64, values: (_u, ticks, _axis, _space, step) => hours(ticks, step, stamp) }, { ...axis, size: 84, values: (_u, ticks) => ticks.map((t) => show(unit, t)) }],
      series: [
        { value: (_u, t) => (t === null ? "–" : stamp.format(t * 1000)), label: figure.dataset.time ?? "" },
        ...lines.map((line, i) => ({
          label: line.name, stroke: COLOURS[i % COLOURS.length], width: 1.5, dash: i >= COLOURS.length ? [6, 3] : [],
          value: (_u: uPlot, v: number | null) => show(unit, v), spanGaps: false,
        })),
        ...names.slice(lines.length).map((label) => ({ label, stroke: "transparent", points: { show: false }, value: (_u: uPlot, v: number | null) => show(unit, v) })),
      ],
    }, data, plot);
    new ResizeObserver(() => made.setSize({ width: Math.max(plot.clientWidth, 240), height: 190 })).observe(plot);
    return made;
  };

  void fresh();
  const timer = setInterval(() => void fresh(), REFRESH_MS);
  figure.addEventListener("span", () => { chart?.destroy(); chart = undefined; void fresh(); });
}

function all(): void {
  for (const figure of document.querySelectorAll<HTMLElement>("figure.chart:not([data-dressed])")) draw(figure);
}

all();
document.addEventListener("charts", all);
