// Groups: tabs, and what happens when one is shown. ---------------------------------------------------------------------
const wire = (group) => {
  wireTable(group);
  wireFigures(group);
  wireLegend(group);
  wireSamples(group);
};
const build = once(async (group) => {
  group.setAttribute("aria-busy", "true");
  try {
    group.innerHTML = (await dataOf(group.id)).html; // made by the page's templates, with every text escaped
    delete group.dataset.packed;
    wire(group);
  } catch (error) {
    console.error(error);
    group.replaceChildren(make("p", "headline", `This browser cannot unpack the group (${error.message}).`));
  }
  group.removeAttribute("aria-busy");
});
const show = async () => {
  const group = current();
  groups.forEach((other) => {
    other.hidden = other !== group;
    const tab = one(`#tab-${other.id}`);
    if (tab) { tab.setAttribute("aria-selected", String(other === group)); tab.tabIndex = other === group ? 0 : -1; }
  });
  if (!group) return;
  const tab = one(`#tab-${group.id}`);
  if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 40; // on a phone they stand in one line
  if ("packed" in group.dataset) await build(group);
  if (current() !== group || "packed" in group.dataset) return;
  showTable(group);
  emphasise(group);
  await Promise.all([showSample(group), showCell(group)]);
};

const open = (group) => set({ group: group.dataset.name, row: "", prompt: "", show: [] });
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

addEventListener("popstate", () => {
  if (location.hash === "#main") return; // the link that skips to the results
  state = read();
  show();
});
if (groups.length && !("packed" in groups[0].dataset)) wire(groups[0]);
if (one(".across")) wireFigures(one(".across"));
state = read();
show();
