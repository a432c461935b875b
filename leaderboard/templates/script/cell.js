// The page of one row: a dialog over the arena, opened and closed by the address. --------------------------------------
const dialog = one("dialog.cell");
const PROMPTS = 3;
const copy = async (button) => {
  const code = one("code", button.parentElement);
  try { await navigator.clipboard.writeText(code.textContent); button.textContent = "Copied"; }
  catch { getSelection().selectAllChildren(code); button.textContent = "Selected"; }
};
const ownSamples = ({ rows, prompts, objectives }, row) => {
  const place = rows.findIndex(([key]) => key === row);
  const answers = prompts.map(({ prompt, completions }) => ({ prompt, own: completions.find((each) => each.row === place) }));
  return answers.filter(({ own }) => own).slice(0, PROMPTS)
    .map(({ prompt, own }) => completionCard(objectives, own, make("bdi", "", prompt)));
};
// The numbers are those of the row in the main table.
const numbers = (row) => {
  const cells = [...row.cells].slice(2);
  return cells.map((cell, index) => {
    const line = make("div"), value = make("dd", cell.className), parts = [...cell.cloneNode(true).childNodes];
    value.append(...parts.filter((part) => part.tagName !== "SUP" && part.className !== "why").flatMap((part) => [part, " "]));
    if (cell.dataset.hint) value.append(make("small", "", cell.dataset.hint));
    line.append(make("dt", "", columns[index].label), value);
    return line;
  });
};
// What the address asks for and the page does not have.
const notice = (text) => {
  const place = one(".notice");
  one("span", place).textContent = text;
  place.hidden = !text;
};
const bodyOf = (arena, row) => all(".board tbody", arena).find((body) => body.dataset.row === row);
const legendChip = () => all(".legend .chip", current()).find((chip) => chip.dataset.row === dialog.row);
const fill = (data, row) => {
  const body = one(".cell-body", dialog);
  dialog.row = row;
  body.innerHTML = data.cells.html[data.cells.keys.indexOf(row)]; // made by the page's templates, with every text escaped
  const answers = ownSamples(data.samples, row), samples = one(".own-samples", body);
  if (answers.length) {
    const cards = make("div", "completions");
    cards.append(...answers);
    samples.append(make("h3", "", "What it writes"), cards);
  }
  one(".numbers", body)?.append(...numbers(bodyOf(dialog.arena, row).rows[0]));
  const chip = legendChip(), bring = one(".bring", dialog);
  bring.hidden = !chip;
  bring.setAttribute("aria-pressed", chip?.getAttribute("aria-pressed") || "false");
  all(".copy", body).forEach((button) => button.addEventListener("click", () => copy(button)));
  wireFigures(body);
  dialog.scrollTop = 0;
};
const showCell = async (arena) => {
  if (!state.row) { if (dialog.open) dialog.close(); return; }
  const data = await dataOf(arena.id), row = state.row;
  if (current() !== arena || !row) return; // something else was opened meanwhile
  if (!data.cells.keys.includes(row)) {
    if (dialog.open) dialog.close();
    if (isKnown(arena)) notice(`There is no row “${row}” in this arena.`); // else the arena is what is missing
    return;
  }
  if (dialog.open && dialog.row === row && dialog.arena === arena) return;
  dialog.arena = arena;
  fill(data, row);
  if (!dialog.open) { dialog.opener = document.activeElement; dialog.showModal(); }
  one("#cell-title", dialog).focus({ preventScroll: true });
};
one(".dismiss").addEventListener("click", () => set({ arena: current()?.dataset.name || "", row: "" }));
one(".close", dialog).addEventListener("click", () => dialog.close());
one(".bring", dialog).addEventListener("click", () => { legendChip()?.click(); dialog.close(); });
dialog.addEventListener("close", () => {
  const line = all(".dots li", dialog.arena).find(({ dataset }) => dataset.row === dialog.row);
  const button = dialog.opener?.matches(".open") ? dialog.opener : one(".open", line); // a link has no opener
  if (state.row) set({ row: "" });
  one(".cell-body", dialog).replaceChildren();
  button?.focus();
});
