// What the pages do beyond being read: times in the viewer's zone, copy buttons, sums beside sliders, time series.
// Nothing here is needed to read a page or to send a form. Runs again on whatever htmx puts into the page.
"use strict";

(() => {
  const language = document.documentElement.lang || "en";
  const each = (root, selector, act) => {
    if (root.matches && root.matches(selector)) act(root);
    root.querySelectorAll(selector).forEach(act);
  };
  const once = (element, mark) => {
    if (element.dataset[mark]) return false;
    element.dataset[mark] = "1";
    return true;
  };

  // ---- times ----
  const two = (n) => String(n).padStart(2, "0");
  const day = (at) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const clock = (at) => `${two(at.getHours())}:${two(at.getMinutes())}`;
  const writeTime = (element) => {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime()) || !once(element, "local")) return;
    element.title = `${element.dateTime.replace("T", " ").replace("Z", "")} UTC`;
    element.textContent = `${day(at)} ${clock(at)}:${two(at.getSeconds())}`;
  };

  // ---- copy ----
  const offerCopy = (button) => {
    if (!navigator.clipboard || !once(button, "ready")) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      const word = button.querySelector(".visually-hidden");
      const before = word.textContent;
      word.textContent = button.title = button.dataset.done;
      word.setAttribute("role", "status");
      button.classList.add("is-done");
      setTimeout(() => {
        word.textContent = button.title = before;
        button.classList.remove("is-done");
      }, 1500);
    });
  };

  // ---- weights ----
  // Inputs of <form data-sum="weight"> are named `weight:…` and may stand outside it. Once one is changed, the [data-share]
  // of its row says its share of those with the same data-group, and [data-total=group] their sum. [data-slides] in its
  // row moves with it.
  const watchWeights = (form) => {
    if (!once(form, "watched")) return;
    const inputs = [...form.elements].filter((input) => (input.name || "").startsWith(`${form.dataset.sum}:`));
    const weight = (input) => ("idle" in input.dataset ? 0 : Math.max(0, Number(input.value) || 0));
    const rowOf = (input) => input.closest("tr") || input.parentElement;
    const say = (group) => {
      const members = inputs.filter((input) => group && input.dataset.group === group);
      const total = members.reduce((sum, input) => sum + weight(input), 0);
      members.forEach((input) => {
        const share = rowOf(input).querySelector("[data-share]");
        if (share) share.textContent = total > 0 ? `${((100 * weight(input)) / total).toFixed(1)}\u202f%` : "–";
      });
      document.querySelectorAll(`[data-total="${group}"]`).forEach((output) => {
        output.value = String(Math.round(total * 1000) / 1000);
      });
    };
    inputs.forEach((input) => {
      const slider = rowOf(input).querySelector("[data-slides]");
      input.addEventListener("input", () => {
        if (slider) slider.value = input.value;
        say(input.dataset.group);
      });
      if (!slider) return;
      slider.hidden = false;
      slider.addEventListener("input", () => {
        input.value = slider.value;
        say(input.dataset.group);
      });
    });
  };

  // ---- asking before what cannot be undone ----
  document.addEventListener("submit", (event) => {
    const question = (event.submitter && event.submitter.dataset.confirm) || event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });

  // ---- time series ----
  const writers = {
    count: (value) => value.toLocaleString(language, { maximumFractionDigits: 1 }),
    percent: (value) => `${(100 * value).toLocaleString(language, { maximumFractionDigits: 1 })}\u202f%`,
    money: (value) => `$${value.toLocaleString(language, { maximumSignificantDigits: 4 })}`,
    duration: (value) =>
      value < 1000 ? `${value.toLocaleString(language, { maximumFractionDigits: 1 })}\u202fms` : `${(value / 1000).toFixed(1)}\u202fs`,
  };
  const plots = new Map();
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const optionsOf = (figure, data) => {
    const write = writers[data.unit] || writers.count;
    const size = Math.round(parseFloat(getComputedStyle(document.documentElement).fontSize) * 0.86);
    const axis = { stroke: colour("--ink-3"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: `${size}px system-ui, sans-serif` };
    return {
      width: figure.clientWidth,
      height: Math.max(180, Math.min(260, figure.clientWidth / 3)),
      cursor: { points: { size: 6 }, y: false },
      legend: { live: true },
      scales: { x: { time: true }, y: { range: (_plot, low, high) => [Math.min(0, low || 0), high > 0 ? high * 1.08 : 1] } },
      axes: [
        {
          ...axis,
          size: 2.5 * size,
          grid: { show: false },
          values: (_plot, splits, _n, _space, step) =>
            splits.map((s) => (step >= 86400 ? day(new Date(s * 1000)).slice(5) : clock(new Date(s * 1000)))),
        },
        { ...axis, size: 5.4 * size, space: 34, values: (_plot, splits) => splits.map((value) => write(value)) },
      ],
      series: [
        { label: figure.dataset.time, value: (_plot, s) => (s == null ? "–" : `${day(new Date(s * 1000))} ${clock(new Date(s * 1000))}`) },
        ...data.series.map((line, n) => ({
          label: line.label,
          stroke: colour(`--series-${line.colour || (n % 8) + 1}`),
          dash: n ? [6, 2 + 2 * n] : undefined, // told apart without colour too
          width: 2,
          points: { show: data.x.length < 2 },
          spanGaps: false,
          value: (_plot, value) => (value == null ? "–" : write(value)),
        })),
      ],
    };
  };

  const draw = (figure) => {
    if (typeof uPlot === "undefined") return;
    const data = JSON.parse(figure.dataset.uplot);
    const place = figure.querySelector(".plot");
    plots.forEach((plot, drawn) => {
      if (!drawn.isConnected) plots.delete(drawn);
    });
    const former = plots.get(figure);
    if (former) former.destroy();
    place.replaceChildren();
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", figure.querySelector("figcaption").textContent);
    plots.set(figure, new uPlot(optionsOf(figure, data), [data.x, ...data.series.map((line) => line.values)], place));
    if (!once(figure, "drawn")) return;
    new ResizeObserver(() => {
      const plot = plots.get(figure);
      if (plot && figure.isConnected && Math.abs(plot.width - figure.clientWidth) > 1) {
        plot.setSize({ width: figure.clientWidth, height: plot.height });
      }
    }).observe(figure);
  };
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.forEach((_plot, figure) => draw(figure)));

  // ---- a menu that closes with Escape ----
  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && document.querySelector("details.menu[open]");
    if (open) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  });

  // ---- what scrolls sideways can be reached by the keyboard ----
  const reach = () =>
    document.querySelectorAll(".table-scroll, .chart-scroll, .scroll, pre").forEach((element) => {
      if (element.scrollWidth > element.clientWidth + 1) element.tabIndex = 0;
      else element.removeAttribute("tabindex");
    });
  window.addEventListener("resize", reach);
  document.addEventListener("toggle", reach, true);

  // ---- answers that htmx should not put into the page: a login in between, a page that says what went wrong ----
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, pathInfo } = event.detail;
    const asked = new URL(pathInfo.requestPath, window.location.href);
    const got = new URL(xhr.responseURL || asked, window.location.href);
    if (xhr.status >= 400 || got.pathname !== asked.pathname) {
      event.detail.shouldSwap = false;
      window.location.assign(xhr.status >= 400 ? asked : got);
    }
  });

  const dress = (root) => {
    each(root, "time[datetime]", writeTime);
    each(root, "[data-copy]", offerCopy);
    each(root, "form[data-sum]", watchWeights);
    each(root, "[data-uplot]", draw);
    reach();
  };
  dress(document);
  document.addEventListener("htmx:load", (event) => dress(event.target));
})();
