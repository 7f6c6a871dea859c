// One stream of changes a tab (server-sent events). An event names a topic; regions that listen for it are
// fetched again. The stream is closed while the tab is hidden, because a browser allows six connections to a
// server; when the tab is shown again, everything is looked at once.
import htmx from "htmx.org";

const TOPICS = ["incidents", "objects", "agents", "definitions", "inventory", "audit", "discoveries", "baseline", "walks"];

let stream: EventSource | undefined;

function say(topic: string): void {
  htmx.trigger(document.body, `live-${topic}`, {});
}

function shown(alive: boolean): void {
  const sign = document.getElementById("live");
  if (!sign) return;
  sign.classList.toggle("lost", !alive);
  const word = sign.querySelector("span");
  if (!word) return;
  sign.dataset.on ??= word.textContent ?? "";
  word.textContent = alive ? sign.dataset.on : (document.body.dataset.stale ?? "");
}

interface Opened { id: string; severity: string; name: string }

function announce(data: string): void {
  const opened: Opened[] = (JSON.parse(data) as { opened?: Opened[] }).opened ?? [];
  const place = document.getElementById("announce");
  if (!place || opened.length === 0) return;
  place.textContent = `${document.body.dataset.opened ?? ""}: ${opened.map((i) => i.name).join(", ")}`;
}

function open(address: string): void {
  stream = new EventSource(address);
  stream.onopen = () => shown(true);
  stream.onerror = () => shown(false);
  for (const topic of TOPICS) {
    stream.addEventListener(topic, (event) => {
      say(topic);
      if (topic === "incidents") announce((event as MessageEvent<string>).data);
    });
  }
  stream.addEventListener("reset", () => say("all"));
}

export function follow(): void {
  const address = document.body.dataset.live;
  if (!address) return;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      stream?.close();
      stream = undefined;
    } else if (!stream) {
      open(address);
      say("all");
    }
  });
  if (!document.hidden) open(address);
}
