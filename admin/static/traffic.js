// Live traffic: puts each finished request at the top of the table, as text, and writes the newest figures.
// Without it the page shows the last fifty. Filters are in the address; pausing holds rows back and then shows them.
"use strict";

(() => {
  const table = document.querySelector("[data-events]");
  if (!table || typeof EventSource === "undefined") return;
  const MOST = 200;
  const rows = table.querySelector("tbody");
  const blank = document.getElementById("traffic-row").content;
  const badge = (status) => document.getElementById(`traffic-status-${status}`);
  const state = document.querySelector("[data-traffic-state]");
  const button = document.querySelector("[data-traffic-pause]");
  const waiting = [];
  let isPaused = false;

  const say = (word) => {
    state.textContent = state.dataset[word];
    state.dataset.now = word;
  };
  const two = (n) => String(n).padStart(2, "0");
  const day = (at) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const clock = (at) => `${day(at)} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;

  const show = (cells) => {
    const row = blank.cloneNode(true).firstElementChild;
    row.querySelectorAll("[data-cell]").forEach((cell) => {
      cell.textContent = cells[cell.dataset.cell] || "";
    });
    const link = row.querySelector("a");
    link.href = `/dashboard/decisions/${encodeURIComponent(cells.id)}`;
    const time = link.querySelector("time");
    time.dateTime = cells.ts;
    time.textContent = clock(new Date(cells.ts));
    const known = badge(cells.status);
    if (known) row.querySelector("[data-status]").append(known.content.cloneNode(true));
    rows.prepend(row);
    while (rows.children.length > MOST) rows.lastElementChild.remove();
    const empty = document.querySelector("[data-traffic-empty]");
    if (empty) empty.remove();
    table.hidden = false;
  };

  const tell = (figures) => {
    document.querySelectorAll("[data-figure]").forEach((place) => {
      const value = figures[place.dataset.figure];
      const target = place.querySelector(".value") || place;
      if (value !== undefined) target.textContent = value;
    });
    document.querySelectorAll("[data-in-flight]").forEach((place) => {
      place.textContent = String(figures.in_flight[place.dataset.inFlight] ?? 0);
    });
    const dropped = document.querySelector("[data-dropped]");
    dropped.hidden = !figures.n_dropped;
    dropped.querySelector("[data-n]").textContent = String(figures.n_dropped);
  };

  const source = new EventSource(table.dataset.events);
  source.addEventListener("open", () => say(isPaused ? "paused" : "live"));
  source.addEventListener("error", () => say("lost"));
  source.addEventListener("figures", (event) => tell(JSON.parse(event.data)));
  source.addEventListener("decision", (event) => {
    const cells = JSON.parse(event.data);
    if (!isPaused) show(cells);
    else {
      waiting.push(cells);
      if (waiting.length > MOST) waiting.shift();
      state.textContent = `${state.dataset.paused} · ${waiting.length}`;
    }
  });
  button.hidden = false;
  button.addEventListener("click", () => {
    isPaused = !isPaused;
    button.setAttribute("aria-pressed", String(isPaused));
    say(isPaused ? "paused" : "live");
    if (!isPaused) waiting.splice(0).forEach(show);
  });
  window.addEventListener("pagehide", () => source.close());
})();
