"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);
  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const metrics = JSON.parse(one("#metrics").textContent);
  const groups = all("section.group");
  const cache = new Map();
  const dataOf = (group) => {
    if (!cache.has(group)) cache.set(group, JSON.parse(one(`#data-${group.id}`).textContent));
    return cache.get(group);
  };

  // State: one object, mirrored in the address, so that a link shows what its sender saw. ------------------------
  const KEYS = ["group", "sort", "filter", "view", "row", "prompt"];
  let state = {};
  const read = () => Object.fromEntries([...new URLSearchParams(location.hash.slice(1))].filter(([k]) => KEYS.includes(k)));
  const set = (changes) => {
    state = Object.fromEntries(Object.entries({ ...state, ...changes }).filter(([, value]) => value));
    const hash = new URLSearchParams(state).toString();
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
    show();
  };
  const current = () => groups.find((group) => dataOf(group).name === state.group) || groups[0];
  const show = () => {
    const group = current();
    groups.forEach((other) => {
      other.hidden = other !== group;
      const tab = one(`#tab-${other.id}`);
      if (tab) { tab.setAttribute("aria-selected", String(other === group)); tab.tabIndex = other === group ? 0 : -1; }
    });
    if (!group) return;
    showTable(group);
    showSample(group);
    emphasise(group);
  };

  // Tabs -------------------------------------------------------------------------------------------------------
  const open = (group) => set({ group: dataOf(group).name, row: "", prompt: "" });
  all("[role=tab]").forEach((tab, index, tabs) => {
    tab.addEventListener("click", () => open(groups[index]));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = (index + step + tabs.length) % tabs.length;
      open(groups[next]);
      tabs[next].focus();
    });
  });

  // Main table: sort, filter, views, details --------------------------------------------------------------------
  const best = (index) => (metrics[index].higher === false ? "ascending" : "descending");
  const showTable = (group) => {
    const table = one(".board", group), bodies = all("tbody", table), heads = all("th[data-metric]", table);
    bodies.forEach((body, index) => { body.place ??= index + 1; });
    const [name, order] = (state.sort || "").split(":");
    const column = heads.findIndex((head) => head.dataset.metric === name);
    heads.forEach((head, index) => head.setAttribute("aria-sort", index === column ? order : "none"));
    const sign = order === "ascending" ? 1 : -1;
    const value = (body) => Number.parseFloat(body.rows[0].cells[column + 2]?.dataset.v ?? "NaN");
    const keyed = bodies.map((body) => ({ body, number: column < 0 ? body.place : value(body) }));
    keyed.sort((a, b) => (Number.isNaN(a.number) - Number.isNaN(b.number))
      || (column < 0 ? 1 : sign) * (a.number - b.number) || a.body.place - b.body.place);
    if (keyed.some(({ body }, index) => body !== bodies[index])) table.append(...keyed.map(({ body }) => body));
    const words = (state.filter || "").toLowerCase().split(/\s+/).filter(Boolean);
    bodies.forEach((body) => {
      body.hidden = !words.every((word) => body.dataset.find.toLowerCase().includes(word));
      const opened = body.dataset.row === state.row;
      body.rows[1].hidden = !opened;
      one(".open", body).setAttribute("aria-expanded", String(opened));
    });
    one(".count", group).textContent = `${bodies.filter((body) => !body.hidden).length} of ${bodies.length} rows`;
    const view = one(".view", group), names = [...view.options].map((option) => option.value);
    view.value = names.includes(state.view) ? state.view : names[0];
    table.dataset.view = view.value;
    one(".filter", group).value = state.filter || "";
    one(".sort", group).value = column < 0 ? "" : name;
    one(".reset", group).hidden = column < 0;
  };
  const define = (group, column, cell) => {
    if (column < 0) return;
    const { label, unit, definition } = metrics[column];
    const row = cell && one(".label", cell.parentElement).textContent;
    const n = cell && (/n ([\d,]+)/.exec(cell.innerText) || /n ([\d,]+)/.exec(cell.parentElement.cells[1].innerText));
    const got = cell ? `${row}: ${cell.firstChild.textContent}${one("small", cell) ? ` ${one("small", cell).textContent}` : ""}` +
      `${n ? `, n = ${n[1]}` : ""}. ${cell.title ? `${cell.title} ` : ""}` : "";
    one(".definition", group).textContent = `${got}${label} (${unit}): ${definition}`;
  };
  groups.forEach((group) => {
    const table = one(".board", group);
    all("th[data-metric]", table).forEach((head, index) => {
      const button = one("button", head);
      button.addEventListener("click", () => {
        const flipped = { ascending: "descending", descending: "ascending" }[head.getAttribute("aria-sort")];
        set({ sort: `${head.dataset.metric}:${flipped || best(index)}` });
      });
      ["focus", "pointerenter"].forEach((event) => button.addEventListener(event, () => define(group, index)));
    });
    ["pointerover", "click"].forEach((event) => table.addEventListener(event, ({ target }) => {
      const cell = target.closest("tbody > tr:first-child > td:not(.reason, .seeds)");
      if (cell) define(group, cell.cellIndex - 2, cell);
    }));
    all(".open", table).forEach((button) => button.addEventListener("click", () => {
      const key = button.closest("tbody").dataset.row;
      set({ row: state.row === key ? "" : key });
    }));
    all(".copy", table).forEach((button) => button.addEventListener("click", async () => {
      const code = one("code", button.parentElement);
      try { await navigator.clipboard.writeText(code.textContent); button.textContent = "Copied"; }
      catch { getSelection().selectAllChildren(code); button.textContent = "Selected"; }
    }));
    one(".filter", group).addEventListener("input", ({ target }) => set({ filter: target.value }));
    one(".view", group).addEventListener("change", ({ target }) => set({ view: target.value }));
    one(".reset", group).addEventListener("click", () => set({ sort: "" }));
    one(".sort", group).addEventListener("change", ({ target }) => {
      const index = all("th[data-metric]", table).findIndex((head) => head.dataset.metric === target.value);
      set({ sort: index < 0 ? "" : `${target.value}:${best(index)}` });
    });
  });

  // Figures: drawn when they come in view, by plotly, which is unpacked when the first one does -------------------
  let plotly;
  const unpack = () => plotly ??= (async () => {
    // Plotly's text stands last in the file: a figure may be in view before the browser has read all of it.
    if (document.readyState === "loading") await new Promise((done) => addEventListener("DOMContentLoaded", done));
    const text = atob(one("#plotly").textContent), bytes = new Uint8Array(text.length);
    for (let index = 0; index < text.length; index += 1) bytes[index] = text.charCodeAt(index);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = make("script", "", await new Response(stream).text());
    document.head.append(script);
    return window.Plotly;
  })();
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const layoutOf = (layout, width) => {
    const size = width < 480 ? 11 : 13;
    const axis = (given) => ({ automargin: true, gridcolor: colour("--line"), zerolinecolor: colour("--soft"),
      linecolor: colour("--line"), fixedrange: true, ...given, title: { standoff: 12, font: { size }, ...given?.title } });
    return { ...layout, xaxis: axis(layout.xaxis), yaxis: axis(layout.yaxis), showlegend: false, dragmode: false,
      margin: { l: 48, r: 16, t: 16, b: 48 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size, color: colour("--ink") },
      hoverlabel: { bgcolor: colour("--page"), bordercolor: colour("--line"), font: { color: colour("--ink") } },
      annotations: (layout.annotations || []).map((note) => ({ ...note, font: { size, color: colour("--soft") } })),
      shapes: (layout.shapes || []).map((shape) => ({ ...shape, line: { ...shape.line, color: colour("--soft") } })) };
  };
  const specOf = (figure) => dataOf(figure.closest("section")).figures[figure.dataset.figure];
  const chosen = (group) => new Set(all(".chip[aria-pressed=true]", group).map((chip) => chip.dataset.row)
    .concat(state.row && current() === group ? [state.row] : []));
  const dressed = (trace, picked) => {
    const { row, band, shown } = trace.meta || {};
    if (!row) return trace;
    if (band) return { ...trace, visible: picked.size ? picked.has(row) : shown };
    return { ...trace, opacity: picked.size && !picked.has(row) ? 0.15 : 1 };
  };
  const draw = async (figure) => {
    const plot = one(".plot", figure), spec = specOf(figure), group = figure.closest("section");
    try {
      const library = await unpack();
      const known = new Set(all(".board tbody", group).map((body) => body.dataset.row));
      const picked = new Set([...chosen(group)].filter((row) => known.has(row) && spec.data.some((t) => t.meta?.row === row)));
      await library.react(plot, spec.data.map((trace) => dressed(trace, picked)), layoutOf(spec.layout, plot.clientWidth),
        { displayModeBar: false, responsive: true });
      figure.dataset.drawn = "yes";
    } catch (error) {
      console.error(error);
      plot.replaceChildren(make("p", "message", `This browser cannot draw the figure (${error.message}); its data and words are below.`));
    }
  };
  const seen = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => {
    seen.unobserve(target);
    draw(target);
  }), { rootMargin: "200px" });
  const redraw = (root) => all("figure[data-drawn]", root).forEach(draw);
  const emphasise = (group) => {
    const rows = [...chosen(group)].join("\n");
    if (group.emphasised !== rows) { group.emphasised = rows; redraw(group); }
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw(document));
  all(".chip").forEach((chip) => chip.addEventListener("click", () => {
    chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
    emphasise(chip.closest("section"));
  }));

  // A figure's data as CSV -------------------------------------------------------------------------------------
  const field = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text; // no formula in a spreadsheet
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const csv = ({ columns, data }) => [columns, ...data.filter(({ meta }) => meta?.row && !meta.band).flatMap((trace) =>
    trace.x.map((x, index) => [trace.meta.row, x, trace.y[index], ...trace.customdata[index]]))]
    .map((row) => row.map(field).join(",")).join("\n") + "\n";
  all("figure").forEach((figure) => {
    seen.observe(figure);
    one(".csv", figure).addEventListener("click", ({ target }) => {
      target.href = URL.createObjectURL(new Blob([csv(specOf(figure))], { type: "text/csv" }));
    });
  });

  // Samples ----------------------------------------------------------------------------------------------------
  const matching = (group, words) => dataOf(group).samples.filter(({ id, prompt, completions }) => {
    const text = [id, prompt, ...completions.map((completion) => completion.text)].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const rewardTable = (objectives, { rewards, gold }) => {
    const table = make("table"), head = table.createTHead().insertRow(), body = table.createTBody();
    ["", "learned", "gold"].forEach((name) => head.append(make("th", "", name)));
    objectives.forEach((objective, index) => {
      const row = body.insertRow(), name = make("th");
      name.append(make("bdi", "", objective));
      name.scope = "row";
      row.append(name, make("td", "", rewards[index]), make("td", "", gold[index]));
    });
    return table;
  };
  const completionCard = (group, objectives, completion) => {
    const card = make("article", "completion"), title = make("h4");
    const source = all(".board tbody", group).find((body) => body.dataset.row === completion.row);
    if (source) title.append(one(".swatch", source).cloneNode(true));
    title.append(make("bdi", "", completion.label));
    const text = make("p", "text");
    text.append(completion.text ? make("bdi", "", completion.text) : make("i", "muted", "(empty completion)"));
    card.append(title, text, make("p", completion.quality ? "pass" : "fail",
      completion.quality ? "✓ passes the language gate" : "✕ fails the language gate"), rewardTable(objectives, completion));
    return card;
  };
  const showSample = (group) => {
    const root = one(".samples", group);
    if (!root) return;
    const words = one(".sample-search", root).value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = matching(group, words), select = one(".sample-prompt", root);
    const sample = found.find(({ id }) => id === state.prompt) || found[0];
    const key = [state.prompt, ...words].join("\n");
    if (root.shown === key) return;
    root.shown = key;
    select.replaceChildren(...found.map(({ id, prompt }) => {
      const option = make("option", "", prompt.length > 80 ? `${prompt.slice(0, 79)}…` : prompt);
      option.value = id;
      return option;
    }));
    if (sample) select.value = sample.id;
    one(".sample-count", root).textContent = `${found.length} of ${dataOf(group).samples.length} prompts`;
    one(".prompt-text", root).textContent = sample ? sample.prompt : "No prompt or completion holds these words.";
    one(".completions", root).replaceChildren(...(sample ? sample.completions : [])
      .map((completion) => completionCard(group, dataOf(group).objectives, completion)));
  };
  groups.forEach((group) => {
    const root = one(".samples", group);
    if (!root) return;
    const select = one(".sample-prompt", root);
    one(".sample-search", root).addEventListener("input", () => showSample(group));
    select.addEventListener("change", () => set({ prompt: select.value }));
    all("[data-step]", root).forEach((button) => button.addEventListener("click", () => {
      const next = select.selectedIndex + Number(button.dataset.step);
      if (next >= 0 && next < select.options.length) set({ prompt: select.options[next].value });
    }));
  });

  addEventListener("hashchange", () => {
    const fresh = read();
    if (Object.keys(fresh).length) { state = fresh; show(); }
  });
  state = read();
  show();
})();
