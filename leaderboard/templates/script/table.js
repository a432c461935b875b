// Main table: sort, filter, columns, definitions, downloads. ----------------------------------------------------------
const best = (index) => (columns[index].higher === false ? "ascending" : "descending");
// The number that a cell prints, with a true minus sign and maybe "=" for a shared rank; NaN for a dash and for no cell.
const printed = (cell) => Number.parseFloat(cell?.firstChild.textContent.replace("−", "-").replace(/[=,]/g, "") ?? "NaN");
const showTable = (arena) => {
  const table = one(".board", arena), bodies = all("tbody", table), heads = all("th[data-metric]", table);
  bodies.forEach((body, index) => { body.place ??= index + 1; });
  const [name, order] = (state.sort || "").split(":");
  const column = heads.findIndex((head) => head.dataset.metric === name);
  heads.forEach((head, index) => head.setAttribute("aria-sort", index === column ? order : "none"));
  const sign = order === "ascending" ? 1 : -1;
  const value = (body) => printed(body.rows[0].cells[column + 2]);
  const keyed = bodies.map((body) => ({ body, number: column < 0 ? body.place : value(body) }));
  keyed.sort((a, b) => (Number.isNaN(a.number) - Number.isNaN(b.number))
    || (column < 0 ? 1 : sign) * (a.number - b.number) || a.body.place - b.body.place);
  if (keyed.some(({ body }, index) => body !== bodies[index])) table.append(...keyed.map(({ body }) => body));
  const words = (state.filter || "").toLowerCase().split(/\s+/).filter(Boolean);
  bodies.forEach((body) => {
    body.hidden = !words.every((word) => body.dataset.find.toLowerCase().includes(word));
  });
  one(".count", arena).textContent = `${bodies.filter((body) => !body.hidden).length} of ${bodies.length} rows`;
  const view = one(".view", arena), names = [...view.options].map((option) => option.value);
  view.value = names.includes(state.view) ? state.view : names[0];
  table.dataset.view = view.value;
  one(".filter", arena).value = state.filter || "";
  one(".sort", arena).value = column < 0 ? "" : name;
  one(".reset", arena).hidden = column < 0;
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
const wireTable = (arena) => {
  const table = one(".board", arena);
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
  all(".open", table).forEach((button) => button.addEventListener("click", () => set({ row: button.closest("tbody").dataset.row })));
  one(".filter", arena).addEventListener("input", ({ target }) => set({ filter: target.value }));
  one(".view", arena).addEventListener("change", ({ target }) => set({ view: target.value }));
  one(".reset", arena).addEventListener("click", () => set({ sort: "" }));
  one(".sort", arena).addEventListener("change", ({ target }) => {
    const index = all("th[data-metric]", table).findIndex((head) => head.dataset.metric === target.value);
    set({ sort: index < 0 ? "" : `${target.value}:${best(index)}` });
  });
  all("[data-export]", arena).forEach((button) => button.addEventListener("click", async () => {
    const { formats, lines } = (await dataOf(arena.id)).exports, place = formats.indexOf(button.dataset.export);
    save(button.dataset.file, lines.map((line) => line[place]).filter((text) => text !== null).join("\n"), "text/plain");
  }));
};
