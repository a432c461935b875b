// Samples: one prompt, the completions of the rows that are picked. ----------------------------------------------------
const FEW = 6;
const matching = ({ prompts }, words) => prompts.filter(({ id, prompt, completions }) => {
  const text = [id, prompt, ...completions.map((completion) => completion.text)].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
});
const rewardTable = (objectives, { rewards, gold }) => {
  const table = make("table"), head = table.createTHead().insertRow(), body = table.createTBody();
  ["", "learned", "gold"].forEach((name) => head.append(make(name ? "th" : "td", "", name)));
  objectives.forEach((objective, index) => {
    const row = body.insertRow(), name = make("th");
    name.append(make("bdi", "", objective));
    name.scope = "row";
    row.append(name, make("td", "", rewards[index]), make("td", "", gold[index]));
  });
  return table;
};
const swatchOf = (arena, row) => one(".swatch", all(".board tbody", arena).find((body) => body.dataset.row === row))?.cloneNode(true);
const completionCard = (objectives, completion, ...title) => {
  const card = make("article", "completion"), head = make("h4"), text = make("p", "text");
  head.append(...title.filter(Boolean));
  text.append(completion.text ? make("bdi", "", completion.text) : make("i", "muted", "(empty completion)"));
  card.append(head, text, make("p", completion.quality ? "pass" : "fail",
    completion.quality ? "✓ passes the language gate" : "✕ fails the language gate"), rewardTable(objectives, completion));
  return card;
};

// Places of the rows that are shown: those picked, by default the first few.
const shownRows = ({ rows }) => {
  const places = rows.map((_, place) => place), wanted = places.filter((place) => (state.show || []).includes(rows[place][0]));
  return wanted.length ? wanted : places.slice(0, FEW);
};
const showPicker = (arena, root, { rows }, shown) => {
  const chips = one(".chips", root);
  one(".picker", root).hidden = rows.length <= 1;
  one(".picker summary", root).textContent = `Rows shown: ${shown.length} of ${rows.length}`;
  if (!chips.children.length) {
    chips.append(...rows.map(([key, label], place) => {
      const chip = make("button", "chip");
      chip.type = "button";
      chip.dataset.place = place;
      chip.append(...[swatchOf(arena, key), make("bdi", "", label)].filter(Boolean));
      return chip;
    }));
  }
  all(".chip", chips).forEach((chip) => chip.setAttribute("aria-pressed", String(shown.includes(Number(chip.dataset.place)))));
};
const showSample = async (arena) => {
  const root = one(".samples", arena);
  if (!root) return;
  if (state.prompt || state.show) one(".samples-fold", arena).open = true; // a link to them
  const { samples } = await dataOf(arena.id);
  const words = one(".sample-search", root).value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = matching(samples, words), select = one(".sample-prompt", root);
  const sample = found.find(({ id }) => id === state.prompt) || found[0];
  const shown = shownRows(samples);
  const key = JSON.stringify([state.prompt, words, shown]);
  if (root.shown === key) return;
  root.shown = key;
  select.replaceChildren(...found.map(({ id, prompt }) => {
    const option = make("option", "", prompt.length > 80 ? `${prompt.slice(0, 79)}…` : prompt);
    option.value = id;
    return option;
  }));
  if (sample) select.value = sample.id;
  showPicker(arena, root, samples, shown);
  one(".sample-count", root).textContent = `${found.length} of ${samples.prompts.length} prompts`;
  one(".prompt-text", root).textContent = sample ? sample.prompt : "No prompt or completion holds these words.";
  const cards = (sample ? sample.completions : []).filter(({ row }) => shown.includes(row)).map((completion) => {
    const [key, label] = samples.rows[completion.row];
    return completionCard(samples.objectives, completion, swatchOf(arena, key), make("bdi", "", label));
  });
  one(".completions", root).replaceChildren(...cards);
};
const wireSamples = (arena) => {
  const root = one(".samples", arena);
  if (!root) return;
  const select = one(".sample-prompt", root);
  const step = (by) => {
    const next = select.selectedIndex + by;
    if (next >= 0 && next < select.options.length) set({ prompt: select.options[next].value });
  };
  one(".sample-search", root).addEventListener("input", () => showSample(arena));
  select.addEventListener("change", () => set({ prompt: select.value }));
  all("[data-step]", root).forEach((button) => button.addEventListener("click", () => step(Number(button.dataset.step))));
  root.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by && !event.target.closest("input, select")) { event.preventDefault(); step(by); }
  });
  one(".picker", root).addEventListener("click", async ({ target }) => {
    const { samples } = await dataOf(arena.id), pick = (places) => set({ show: places.map((place) => samples.rows[place][0]) });
    const chip = target.closest(".chip"), shown = shownRows(samples), place = Number(chip?.dataset.place);
    if (target.closest(".every")) pick(samples.rows.map((_, each) => each));
    if (target.closest(".few")) pick([]);
    if (chip) pick(shown.includes(place) ? shown.filter((other) => other !== place) : [...shown, place]);
  });
};
