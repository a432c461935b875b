// First picture and main table: one order, one filter; columns, definitions, downloads. ----------------------------------------------------------
const best = (index) => (columns[index].higher === false ? "ascending" : "descending");
// The number that a cell prints, with a true minus sign and maybe "=" for a shared rank; NaN for a dash and for no cell.
const printed = (cell) => Number.parseFloat(cell?.firstChild.textContent.replace("−", "-").replace(/[=,]/g, "") ?? "NaN");
const HEADLINE = columns.findIndex((column) => column.headline);
// What the address asks for, else the page's own order: by the headline, greatest first.
const sorting = (heads) => {
  const [name, order] = (state.sort || "").split(":"), asked = heads.findIndex((head) => head.dataset.metric === name);
  return asked < 0 ? { column: HEADLINE, order: "descending" } : { column: asked, order };
};
// Bodies of the table in the order that is asked for; what has no number there stands last, as on the page.
const sorted = (bodies, { column, order }) => {
  bodies.forEach((body, index) => { body.place ??= index + 1; });
  const sign = order === "ascending" ? 1 : -1;
  const keyed = bodies.map((body) => ({ body, number: printed(body.rows[0].cells[column + 2]) }));
  keyed.sort((a, b) => (Number.isNaN(a.number) - Number.isNaN(b.number)) || sign * (a.number - b.number) || a.body.place - b.body.place);
  return keyed.map(({ body }) => body);
};
// Put `items`, of the picture or the table, into the order of `rows`, and hide those that the filter leaves out.
const arrange = (parent, items, rows, hidden) => {
  const byRow = new Map(items.map((item) => [item.dataset.row, item])), wanted = rows.map((row) => byRow.get(row));
  if (wanted.some((item, index) => item !== items[index])) parent.append(...wanted);
  items.forEach((item) => { item.hidden = hidden.has(item.dataset.row); });
};
const showTable = (arena) => {
  const table = one(".board", arena);
  if (!table) return; // an arena without rows
  const bodies = all("tbody", table), heads = all("th[data-metric]", table), wanted = sorting(heads);
  heads.forEach((head, index) => head.setAttribute("aria-sort", index === wanted.column ? wanted.order : "none"));
  const words = (state.filter || "").toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (body) => words.every((word) => body.dataset.find.toLowerCase().includes(word));
  const rows = sorted(bodies, wanted).map((body) => body.dataset.row);
  const hidden = new Set(bodies.filter((body) => !matches(body)).map((body) => body.dataset.row));
  arrange(table, bodies, rows, hidden);
  arrange(one(".dots", arena), all(".dots li", arena), rows, hidden);
  const left = bodies.length - hidden.size, nothing = one(".nothing", arena);
  one(".count", arena).textContent = `${left} of ${bodies.length} rows`;
  nothing.hidden = left > 0;
  one("span", nothing).textContent = left ? "" : `No row matches “${state.filter}”.`;
  const view = one(".view", arena), names = [...view.options].map((option) => option.value);
  view.value = names.includes(state.view) ? state.view : names[0];
  table.dataset.view = view.value;
  one(".filter", arena).value = state.filter || "";
  one(".sort", arena).value = heads[wanted.column].dataset.metric;
  one(".reset", arena).hidden = wanted.column === HEADLINE && wanted.order === "descending";
};
const define = (arena, column, cell) => {
  if (column < 0) return;
  const { label, unit, definition } = columns[column];
  const row = cell && one(".label", cell.parentElement).textContent;
  const n = cell && (/n ([\d,]+)/.exec(cell.innerText) || /n ([\d,]+)/.exec(cell.parentElement.cells[1].innerText));
  const got = cell ? `${row}: ${cell.firstChild.textContent}${one("small", cell) ? ` ${one("small", cell).textContent}` : ""}` +
    `${n ? `, n = ${n[1]}` : ""}. ${cell.title ? `${cell.title} ` : ""}${cell.dataset.hint ? `${cell.dataset.hint}. ` : ""}` : "";
  one(".definition", arena).textContent = `${got}${label} (${unit}): ${definition}`;
};
const NARROW = matchMedia("(max-width:640px)");
const wireTable = (arena) => {
  const table = one(".board", arena);
  if (!table) return;
  if (NARROW.matches && !state.view) one(".numbers-fold", arena).open = false; // the picture has every row, and is shorter
  all("th[data-metric]", table).forEach((head, index) => {
    const button = one("button", head);
    button.addEventListener("click", () => {
      const flipped = { ascending: "descending", descending: "ascending" }[head.getAttribute("aria-sort")];
      set({ sort: `${head.dataset.metric}:${flipped || best(index)}` });
    });
    ["focus", "pointerenter"].forEach((event) => button.addEventListener(event, () => define(arena, index)));
  });
  ["pointerover", "click"].forEach((event) => table.addEventListener(event, ({ target }) => {
    const cell = target.closest("tbody > tr > td:not(.reason, .seeds)");
    if (cell) define(arena, cell.cellIndex - 2, cell);
  }));
  all(".open", arena).forEach((button) => button.addEventListener("click", () => set({ row: button.closest("[data-row]").dataset.row })));
  one(".filter", arena).addEventListener("input", ({ target }) => set({ filter: target.value }));
  one(".view", arena).addEventListener("change", ({ target }) => set({ view: target.value }));
  one(".clear", arena).addEventListener("click", () => { set({ filter: "" }); one(".filter", arena).focus(); });
  one(".reset", arena).addEventListener("click", () => set({ sort: "" }));
  one(".sort", arena).addEventListener("change", ({ target }) => {
    const index = all("th[data-metric]", table).findIndex((head) => head.dataset.metric === target.value);
    set({ sort: `${target.value}:${best(index)}` });
  });
  all("[data-export]", arena).forEach((button) => button.addEventListener("click", async () => {
    const { formats, lines } = (await dataOf(arena.id)).exports, place = formats.indexOf(button.dataset.export);
    save(button.dataset.file, lines.map((line) => line[place]).filter((text) => text !== null).join("\n"), "text/plain");
  }));
};
