// The playground: writes each model's answer into its column as it comes, as text. Without it a reload shows more.
"use strict";

(() => {
  const place = document.querySelector("[data-run]");
  if (!place || typeof EventSource === "undefined") return;
  const columns = [...place.querySelectorAll("[data-column]")];
  const seconds = (ms) => (ms === null ? "–" : ms < 1000 ? `${ms.toFixed(0)}\u202fms` : `${(ms / 1000).toFixed(1)}\u202fs`);

  const show = (column, told) => {
    const part = (name) => column.querySelector(`[data-${name}]`);
    part("text").textContent = told.text;
    part("reason").textContent = told.reason || "";
    part("ttft").textContent = seconds(told.ttft_ms);
    part("took").textContent = seconds(told.duration_ms);
    if (told.output_tokens !== null) part("tokens").textContent = `${told.input_tokens} / ${told.output_tokens}`;
    const status = part("status");
    if (status.dataset.now !== told.status) {
      status.dataset.now = told.status;
      const badge = status.querySelector(".badge");
      const kind = { done: "good", failed: "bad" }[told.status] || "info";
      badge.className = `badge is-${kind}`;
      badge.textContent = status.dataset[told.status];
    }
    const served = part("served");
    if (told.served && told.served !== told.asked) served.textContent = served.dataset.words.replace("%", told.served);
    const link = part("decision");
    if (told.decision_id) {
      link.href = `/dashboard/decisions/${encodeURIComponent(told.decision_id)}`;
      link.hidden = false;
    }
  };

  const source = new EventSource(place.dataset.run);
  source.addEventListener("run", (event) => JSON.parse(event.data).columns.forEach((told, n) => show(columns[n], told)));
  source.addEventListener("over", () => source.close());
  window.addEventListener("pagehide", () => source.close());
})();
