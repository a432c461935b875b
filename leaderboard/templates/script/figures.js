// Figures: drawn when they come in view, by plotly, which is unpacked when the first one does. -----------------------
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const layoutOf = (layout, width) => {
  const size = width < 480 ? 11 : 13;
  const axis = (given) => ({ automargin: true, gridcolor: colour("--line"), zerolinecolor: colour("--soft"),
    linecolor: colour("--line"), fixedrange: true, ...given, title: { standoff: 12, font: { size }, ...given?.title } });
  return { ...layout, xaxis: axis(layout.xaxis), yaxis: axis(layout.yaxis), showlegend: layout.showlegend ?? false, dragmode: false,
    legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom", itemclick: false, itemdoubleclick: false, ...layout.legend },
    margin: { l: 48, r: 16, t: 16, b: 48 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size, color: colour("--ink") },
    hoverlabel: { bgcolor: colour("--page"), bordercolor: colour("--line"), font: { color: colour("--ink") } },
    annotations: (layout.annotations || []).map((note) => ({ ...note, font: { size, color: colour("--soft") } })),
    shapes: (layout.shapes || []).map((shape) => ({ ...shape, line: { ...shape.line, color: colour("--soft") } })) };
};
const specOf = async (figure) => {
  const id = figure.dataset.figure;
  if (figure.closest("dialog")) {
    const { keys, figures } = (await dataOf(dialog.arena.id)).cells;
    return figures[id][keys.indexOf(dialog.row)];
  }
  return (await dataOf(figure.closest(".arena, .across").id)).figures[id];
};

// Rows brought out: those pressed in the legend, and the one whose page is open.
const chosen = (arena) => new Set(all(".legend .chip[aria-pressed=true]", arena).map((chip) => chip.dataset.row)
  .concat(state.row && current() === arena ? [state.row] : []));
const dressed = (trace, picked) => {
  const { row, band, shown } = trace.meta || {};
  if (!row) return trace;
  if (band) return { ...trace, visible: picked.size ? picked.has(row) : shown };
  return { ...trace, opacity: picked.size && !picked.has(row) ? 0.15 : trace.opacity ?? 1 };
};
// A trace with bounds, the first two of its customdata, gets a band behind it, in pieces where some are missing.
const pieces = ({ x, y, customdata }) => x.reduce((found, place, index) => {
  const [low, high] = customdata[index];
  if ([place, y[index], low, high].some((value) => value === null)) return [...found, []];
  found.at(-1).push([place, low, high]);
  return found;
}, [[]]).filter((piece) => piece.length > 1);
const withBand = (trace) => {
  const { row, bounds } = trace.meta || {}, found = bounds === undefined ? [] : pieces(trace);
  if (!found.length) return [trace];
  const outline = found.flatMap((piece) => [...piece.map(([x, low]) => [x, low]), ...[...piece].reverse().map(([x, , high]) => [x, high]),
    [null, null]]).slice(0, -1);
  return [{ type: "scatter", mode: "lines", meta: { row, band: true, shown: bounds }, hoverinfo: "skip", fill: "toself", showlegend: false,
    x: outline.map(([x]) => x), y: outline.map(([, y]) => y), line: { width: 0 }, fillcolor: `${trace.line.color}26` }, trace];
};
const draw = async (figure) => {
  const plot = one(".plot", figure), arena = figure.closest(".arena");
  try {
    const [spec, library] = [await specOf(figure), await plotly()];
    if (!spec || !figure.isConnected) return;
    const drawn = new Set(spec.data.map((trace) => trace.meta?.row));
    const picked = new Set(arena ? [...chosen(arena)].filter((row) => drawn.has(row)) : []);
    await library.react(plot, spec.data.flatMap(withBand).map((trace) => dressed(trace, picked)), layoutOf(spec.layout, plot.clientWidth),
      { displayModeBar: false, responsive: true });
    figure.dataset.drawn = "yes";
  } catch (error) {
    console.error(error);
    plot.replaceChildren(make("p", "message", `This browser cannot draw the figure (${error.message}); its words are below.`));
  }
};
const seen = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => {
  seen.unobserve(target);
  draw(target);
}), { rootMargin: "200px" });
const redraw = (root) => all("figure[data-drawn]", root).forEach(draw);
const emphasise = (arena) => {
  const rows = [...chosen(arena)].join("\n");
  if ((arena.emphasised || "") === rows) return;
  arena.emphasised = rows;
  const picked = chosen(arena);
  all(".dots li", arena).forEach((line) => line.classList.toggle("dim", picked.size > 0 && !picked.has(line.dataset.row)));
  redraw(arena);
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw(document));

// The numbers behind a figure, or in a small table, as CSV.
const figureRows = ({ columns: heads, data }) => [heads, ...data.filter(({ meta }) => meta?.row && !meta.band).flatMap((trace) =>
  trace.x.map((x, index) => [trace.meta.row, x, trace.y[index], ...[trace.customdata?.[index] ?? []].flat()]))];
const tableRows = (table) => {
  const bodies = all("tbody tr", table), below = (cell) => one("small", cell)?.textContent;
  const split = [...table.tHead.rows[0].cells].map((_, column) => bodies.some((row) => below(row.cells[column])));
  const cells = (row, second) => [...row.cells].flatMap((cell, column) =>
    [one("bdi", cell).textContent, ...(split[column] ? [second(cell)] : [])]);
  return [cells(table.tHead.rows[0], (cell) => `${cell.textContent}, interval or note`), ...bodies.map((row) => cells(row, below))];
};
const wireFigures = (root) => {
  all("figure", root).forEach((figure) => {
    seen.observe(figure);
    one(".csv", figure).addEventListener("click", async () => {
      save(`${figure.dataset.figure}.csv`, csv(figureRows(await specOf(figure))), "text/csv");
    });
  });
  all(".table-csv", root).forEach((button) => button.addEventListener("click", () => {
    save(button.dataset.file, csv(tableRows(one("table", button.closest(".scroll")))), "text/csv");
  }));
};
const wireLegend = (arena) => all(".legend .chip", arena).forEach((chip) => chip.addEventListener("click", () => {
  chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
  emphasise(arena);
}));
