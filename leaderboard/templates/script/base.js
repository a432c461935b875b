// Small helpers, and what is packed in the page. -------------------------------------------------------------------
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const one = (selector, root = document) => root.querySelector(selector);
const make = (tag, className, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};
const columns = JSON.parse(one("#columns").textContent);
const arenas = all("section.arena");

const parsed = new Promise((done) => {
  // What is packed stands behind the script: it may be asked for before the browser has read all of the file.
  if (document.readyState !== "loading") done(); else addEventListener("DOMContentLoaded", done);
});
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;:=>?@^_`{|}~";
const VALUES = new Uint8Array(128);
[...DIGITS].forEach((digit, value) => { VALUES[digit.charCodeAt(0)] = value; });
const decoded = (text) => { // base 85: five digits are four bytes; the last arena may be shorter
  const short = (5 - (text.length % 5)) % 5, padded = text + "~".repeat(short);
  const view = new DataView(new ArrayBuffer((padded.length / 5) * 4));
  for (let from = 0; from < padded.length; from += 5) {
    let word = 0;
    for (let place = from; place < from + 5; place += 1) word = word * 85 + VALUES[padded.charCodeAt(place)];
    view.setUint32((from / 5) * 4, word);
  }
  return new Uint8Array(view.buffer, 0, view.byteLength - short);
};
const unpack = async (id) => {
  await parsed;
  const stream = new Blob([decoded(one(id).textContent)]).stream();
  return new Response(stream.pipeThrough(new DecompressionStream("gzip"))).text();
};
const once = (work) => {
  const done = new Map();
  return (key) => {
    if (!done.has(key)) done.set(key, work(key));
    return done.get(key);
  };
};
// Turned lists, see leaderboard/packing.py. A row may be called anything, also $times, but what it holds is no number.
const own = (value) => (typeof value === "object" && value ? structuredClone(value) : value);
const restored = (_, value) => {
  if (typeof value?.$over === "number") return value.$column.map((item) => (item === null ? null : item / value.$over));
  if (Array.isArray(value?.$columns)) return value.$columns[0].map((__, place) => value.$columns.map((column) => column[place]));
  if (Array.isArray(value?.$here)) { const there = value.$of.values(); return value.$here.map((is) => (is ? there.next().value : null)); }
  if (typeof value?.$times !== "number") return value;
  const keys = Object.entries(value.$each || {});
  return Array.from({ length: value.$times }, (__, place) =>
    (value.$each ? Object.fromEntries(keys.map(([key, column]) => [key, column[place]])) : own(value.$same)));
};
const dataOf = once(async (id) => JSON.parse(await unpack(`#data-${id}`), restored));
const plotly = once(async () => {
  document.head.append(make("script", "", await unpack("#plotly")));
  return window.Plotly;
});

const save = (name, text, type) => {
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};
const field = (value) => {
  const text = value === null || value === undefined ? "" : String(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text; // no formula in a spreadsheet
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
const csv = (rows) => `${rows.map((row) => row.map(field).join(",")).join("\n")}\n`;

// State: one object, mirrored in the address, so that a link shows what its sender saw. ------------------------------
const KEYS = ["arena", "sort", "filter", "view", "row", "prompt", "show"]; // show: any number of rows
let state = {};
const read = () => {
  const given = new URLSearchParams(location.hash.slice(1));
  const known = KEYS.filter((key) => given.get(key));
  return Object.fromEntries(known.map((key) => [key, key === "show" ? given.getAll(key) : given.get(key)]));
};
const write = (isNewPage) => {
  const pairs = Object.entries(state).flatMap(([key, value]) => [value].flat().map((item) => [key, item]));
  const hash = new URLSearchParams(pairs).toString();
  history[isNewPage ? "pushState" : "replaceState"](null, "", hash ? `#${hash}` : location.pathname + location.search);
};
const set = (changes) => {
  const opens = changes.row && changes.row !== state.row; // so that a phone's back button closes a row's page
  state = Object.fromEntries(Object.entries({ ...state, ...changes }).filter(([, value]) => value?.length));
  write(opens);
  return show();
};
const isKnown = (arena) => !state.arena || arena?.dataset.name === state.arena;
const current = () => arenas.find((arena) => arena.dataset.name === state.arena) || arenas[0];
