// One stream of changes a tab (server-sent events). An event names a topic; regions that listen for it are
// fetched again. It begins with what happened since the page was made. It is closed while the tab is hidden,
// because a browser allows six connections to a server, and goes on from there when the tab is shown again.
import htmx from "htmx.org";

const TOPICS = ["incidents", "objects", "agents", "definitions", "inventory", "audit", "discoveries", "baseline", "walks"];

let stream: EventSource | undefined;
/** Id of the newest event that this page has taken note of. */
let newest = "";

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

function open(): void {
  stream = new EventSource(`/live?after=${encodeURIComponent(newest)}`);
  stream.onopen = () => shown(true);
  stream.onerror = () => shown(false);
  for (const topic of TOPICS) {
    listen(topic, (data) => {
      say(topic);
      if (topic === "incidents") announce(data);
    });
  }
  listen("reset", () => say("all"));
}

function listen(name: string, take: (data: string) => void): void {
  stream?.addEventListener(name, (event) => {
    const said = event as MessageEvent<string>;
    newest = said.lastEventId;
    take(said.data);
  });
}

export function follow(): void {
  newest = document.body.dataset.live ?? "";
  if (!newest) return;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      stream?.close();
      stream = undefined;
    } else if (!stream) {
      open();
    }
  });
  if (!document.hidden) open();
}
