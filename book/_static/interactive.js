// Interactive figures. A page that has one holds its data, for Plotly, beside the static picture:
//
//   <figure id="fig-NAME">...</figure>
//   <script type="application/json" class="interactive-figure" data-figure="fig-NAME">...</script>
//
// When the figure comes near, Plotly is loaded, once, and drawn in the place of the picture. Legend,
// slider and buttons are elements of the page, so that the keyboard reaches them and they follow
// its theme. Whatever fails leaves the static picture.
"use strict";

(() => {
  const PLOTLY = new URL("plotly.min.js", document.currentScript.src).href;
  const NARROW = 560; // px: below, panels stand one below the other
  const INK = "black"; // the colour of what has none of its own: that of the text
  const STEP = 200; // ms per epoch while playing
  const GLYPHS = {
    circle: "M10 6a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    square: "M10.5 2.5h7v7h-7z",
    diamond: "M14 1l5 5l-5 5l-5-5z",
    "triangle-up": "M14 1.5l4.5 8h-9z",
    "triangle-down": "M14 10.5l4.5-8h-9z",
    x: "M11 3l6 6M17 3l-6 6",
  };
  const DASHES = { dash: "6 4", dot: "2 3", dashdot: "6 3 2 3" };
  const KEYS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };

  let loading;
  function plotly() {
    loading ??= new Promise((resolve, reject) => {
      const script = element("script", { src: PLOTLY });
      script.onload = () => (window.Plotly ? resolve(window.Plotly) : reject(Error("no Plotly")));
      script.onerror = () => reject(Error("plotly.min.js cannot be loaded"));
      document.head.append(script);
    });
    return loading;
  }

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  function start(data) {
    const figure = document.getElementById(data.dataset.figure);
    const failed = (error) =>
      console.warn(`Figure ${data.dataset.figure} stays static: ${error.message}`);
    if (!figure) return failed(Error("it is not on this page"));
    let spec;
    try {
      spec = JSON.parse(data.textContent);
    } catch (error) {
      return failed(error);
    }
    const near = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        near.disconnect();
        plotly().then((Plotly) => draw(Plotly, figure, spec)).catch(failed);
      },
      { rootMargin: "300px" },
    );
    near.observe(figure);
  }

  async function draw(Plotly, figure, spec) {
    const alt = figure.querySelector("img, object")?.getAttribute("alt") ?? "figure";
    const plot = element("div", {
      class: "interactive-plot",
      tabindex: "0",
      role: "application",
      "aria-label": `${alt} Interactive: the arrow keys go from point to point.`,
    });
    const said = element("p", { class: "visually-hidden", "aria-live": "polite" });
    const holder = element("div", { class: "interactive" }, plot, said);
    figure.insertBefore(holder, figure.querySelector("figcaption"));
    const controls = [];
    try {
      const layout = { ...spec.layout, width: plot.clientWidth, showlegend: false };
      delete layout.sliders; // Plotly's own controls, for JupyterLab
      delete layout.updatemenus;
      // On a touch screen a finger moves the page, not the axes.
      layout.dragmode = matchMedia("(pointer: coarse)").matches ? false : "zoom";
      const options = { displayModeBar: false, typesetMath: false };
      await Plotly.newPlot(plot, structuredClone(spec.data), layout, options);
      if (spec.frames?.length) controls.push(stepper(Plotly, plot, spec.frames));
      controls.push(legend(Plotly, plot), toolbar(figure));
      await adapt(Plotly, plot, spec);
    } catch (error) {
      holder.remove();
      throw error instanceof Error ? error : Error(error); // Plotly throws strings
    }
    holder.append(...controls);
    figure.classList.add("is-interactive");
    followKeys(Plotly, plot, said);
    const adaptSoon = () => requestAnimationFrame(() => adapt(Plotly, plot, spec));
    new ResizeObserver(adaptSoon).observe(plot);
    new MutationObserver(adaptSoon).observe(document.documentElement, {
      attributeFilter: ["data-theme"],
    });
  }

  // To the room that there is, and to the theme: the style sheet says which of its colours are
  // meant. Called whenever one of them may have changed.
  function adapt(Plotly, plot, spec) {
    const width = plot.clientWidth;
    if (!width) return undefined; // hidden: the static picture is shown
    const style = getComputedStyle(plot);
    const layout = {
      ...spec.layout.meta?.[width < NARROW ? "narrow" : "wide"],
      width,
      "font.color": style.color,
      "font.family": style.fontFamily,
      "hoverlabel.bgcolor": style.backgroundColor,
      "hoverlabel.font.color": style.color,
    };
    for (const name of Object.keys(plot.layout).filter((key) => /^[xy]axis/.test(key))) {
      layout[`${name}.gridcolor`] = style.borderTopColor;
      layout[`${name}.linecolor`] = layout[`${name}.tickcolor`] = style.color;
    }
    const now = JSON.stringify(layout);
    if (now === plot.dataset.adapted) return undefined;
    plot.dataset.adapted = now;
    const inked = spec.data.flatMap((trace, i) => (trace.line?.color === INK ? [i] : []));
    return Plotly.update(plot, inked.length ? { "line.color": style.color } : {}, layout, inked);
  }

  // --- controls -------------------------------------------------------------------------------

  function legend(Plotly, plot) {
    const list = element("div", { class: "interactive-legend", role: "group" });
    list.setAttribute("aria-label", "Curves shown");
    for (const first of plot.data) {
      if (first.showlegend === false || !first.name) continue;
      const button = element("button", { type: "button", "aria-pressed": "true" });
      button.append(swatch(first), first.name);
      button.addEventListener("click", () => {
        const shown = button.getAttribute("aria-pressed") === "false";
        button.setAttribute("aria-pressed", shown);
        const group = plot.data.flatMap((t, i) => (t.legendgroup === first.legendgroup ? [i] : []));
        Plotly.restyle(plot, { visible: shown || "legendonly" }, group);
      });
      list.append(button);
    }
    return list;
  }

  function swatch({ mode, line, marker }) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = (d, attributes) => {
      const drawn = document.createElementNS(svg.namespaceURI, "path");
      const all = { d, fill: "none", stroke: marker?.color ?? line.color, ...attributes };
      for (const [name, value] of Object.entries(all)) drawn.setAttribute(name, value);
      svg.append(drawn);
    };
    for (const [name, value] of Object.entries({ width: 28, height: 12, "aria-hidden": "true" })) {
      svg.setAttribute(name, value);
    }
    const ink = line?.color === INK ? "currentColor" : line?.color;
    if (mode.includes("lines")) {
      const dashes = DASHES[line.dash] ?? "none";
      path("M0 6h28", { stroke: ink, "stroke-width": line.width, "stroke-dasharray": dashes });
    }
    if (mode.includes("markers")) {
      const [symbol, open] = marker.symbol.split(/-(?=open$)/);
      const color = marker.color ?? line.color;
      path(GLYPHS[symbol], { stroke: color, "stroke-width": 1.5, fill: open ? "none" : color });
    }
    return svg;
  }

  function stepper(Plotly, plot, frames) {
    const last = frames.length - 1;
    const range = element("input", { type: "range", min: 0, max: last, "aria-label": "Epoch" });
    const play = element("button", { type: "button" }, "Play");
    const shown = element("output");
    range.value = last;
    const show = () => {
      const { name, data, traces } = frames[range.value];
      shown.textContent = `epoch ${name} of ${frames[last].name}`;
      range.setAttribute("aria-valuetext", shown.textContent);
      Plotly.restyle(plot, { y: data.map((trace) => trace.y) }, traces);
    };
    let playing;
    const stop = () => {
      clearInterval(playing);
      playing = undefined;
      play.textContent = "Play";
    };
    play.addEventListener("click", () => {
      if (playing) return stop();
      play.textContent = "Pause";
      if (Number(range.value) === last) range.value = 0;
      show();
      playing = setInterval(() => {
        range.value = Number(range.value) + 1;
        show();
        if (Number(range.value) === last) stop();
      }, STEP);
    });
    range.addEventListener("input", () => {
      stop();
      show();
    });
    show();
    return element("div", { class: "interactive-stepper" }, play, range, shown);
  }

  function toolbar(figure) {
    const button = element("button", { type: "button" }, "Static picture");
    button.addEventListener("click", () => {
      const isStatic = figure.classList.toggle("shows-static");
      button.textContent = isStatic ? "Interactive figure" : "Static picture";
    });
    const hint = element("span", {}, "Drag to zoom, double-click for the whole.");
    return element("div", { class: "interactive-toolbar" }, button, hint);
  }

  // From point to point: left and right along a curve, up and down to another.
  function followKeys(Plotly, plot, said) {
    let curve = 0;
    let point = -1;
    let saying;
    plot.addEventListener("keydown", (event) => {
      if (event.key === "Escape") Plotly.Fx.unhover(plot);
      if (!(event.key in KEYS)) return;
      event.preventDefault();
      const curves = plot.data.flatMap((trace, i) =>
        trace.hovertemplate && trace.visible !== "legendonly" ? [i] : [],
      );
      if (!curves.length) return;
      const [across, along] = KEYS[event.key];
      curve = (curve + across + curves.length) % curves.length;
      const { x, xaxis, yaxis } = plot.data[curves[curve]];
      point = Math.min(Math.max(point + along, 0), x.length - 1);
      const at = [{ curveNumber: curves[curve], pointNumber: point }];
      Plotly.Fx.hover(plot, at, `${xaxis}${yaxis}`);
      clearTimeout(saying);
      saying = setTimeout(() => {
        const text = plot.querySelector(".hoverlayer .hovertext .nums");
        const lines = [...(text?.querySelectorAll("tspan.line") ?? [])];
        const byLine = lines.map((line) => line.textContent).join(", ");
        said.textContent = byLine || (text?.textContent ?? "");
      }, 100); // Plotly takes its time to move the label
    });
    plot.addEventListener("blur", () => Plotly.Fx.unhover(plot));
  }

  addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("script.interactive-figure").forEach(start);
  });
})();
