// Groups: tabs, and what happens when one is shown. ---------------------------------------------------------------------
const wire = (arena) => {
  wireTable(arena);
  wireFigures(arena);
  wireLegend(arena);
  wireSamples(arena);
};
const build = once(async (arena) => {
  arena.setAttribute("aria-busy", "true");
  try {
    arena.innerHTML = (await dataOf(arena.id)).html; // made by the page's templates, with every text escaped
    delete arena.dataset.packed;
    wire(arena);
  } catch (error) {
    console.error(error);
    arena.replaceChildren(make("p", "headline", `This browser cannot unpack the arena (${error.message}).`));
  }
  arena.removeAttribute("aria-busy");
});
const show = async () => {
  const arena = current();
  arenas.forEach((other) => {
    other.hidden = other !== arena;
    const tab = one(`#tab-${other.id}`);
    if (tab) { tab.setAttribute("aria-selected", String(other === arena)); tab.tabIndex = other === arena ? 0 : -1; }
  });
  notice(isKnown(arena) ? "" : `There is no arena “${state.arena}” on this page; this is the first one.`);
  if (!arena) return;
  const tab = one(`#tab-${arena.id}`);
  if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 40; // on a phone they stand in one line
  if ("packed" in arena.dataset) await build(arena);
  if (current() !== arena || "packed" in arena.dataset) return;
  showTable(arena);
  emphasise(arena);
  await Promise.all([showSample(arena), showCell(arena)]);
};

const open = (arena) => set({ arena: arena.dataset.name, row: "", prompt: "", show: [] });
all("[role=tab]").forEach((tab, index, tabs) => {
  tab.addEventListener("click", () => open(arenas[index]));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (index + step + tabs.length) % tabs.length;
    open(arenas[next]);
    tabs[next].focus();
  });
});

addEventListener("popstate", () => {
  if (location.hash === "#main") return; // the link that skips to the results
  state = read();
  show();
});
if (arenas.length && !("packed" in arenas[0].dataset)) wire(arenas[0]);
if (one(".across")) wireFigures(one(".across"));
state = read();
show();
