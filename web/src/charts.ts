// Loads the chart script when a page has charts, and only then.
let wanted = false;

export function charts(root: ParentNode): void {
  const first = root.querySelector<HTMLElement>("figure.chart:not([data-dressed])");
  if (!first) return;
  if (wanted) {
    document.dispatchEvent(new CustomEvent("charts"));
    return;
  }
  wanted = true;
  const script = document.createElement("script");
  script.src = first.dataset.src ?? "";
  document.head.append(script);
}
