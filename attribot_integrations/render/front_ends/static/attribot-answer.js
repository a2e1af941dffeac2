/**
 * <attribot-answer>: an answer with its citations, and the passages that they cite.
 *
 *   import "./attribot-answer.js";
 *   const shown = document.querySelector("attribot-answer");
 *   shown.answer += piece;   // while it is written
 *   shown.result = data;     // `to_dict(offsets="utf-16")`, or `answer_data`
 *
 * The attribute `result` takes the same data as JSON, `theme` is "light" or "dark" (by default that
 * of the text around it). A click on a citation shows its passage below, after the event `attribot-source`,
 * whose `preventDefault()` leaves that to the page. Texts are only ever set as text, links lead to
 * http and https, and a content security policy without 'unsafe-inline' is enough.
 */

const LEVELS = [0.5, 1, 2, 4, 8]; // nats from which a score has the intensities 1 to 5
const LONG = 700; // characters from which a passage's text is folded
const QUOTE = 280;
const DARK = "(prefers-color-scheme: dark)";
const LABELS = {
  unsupported: ["not supported", "unlikely even with the sources at hand"],
  parametric: ["not from the sources", "no likelier with the sources than without"],
  uncertain: ["uncertain", "depends on the sources as a whole, but none of them stands out"],
  unknown: ["not judged", "could not be judged, for the reason given below"],
};
const BASES = { depends: "depends", states: "states", both: "depends and states" };

/** Text without control characters and what else can't be seen; its length stays the same. */
export function readable(text) {
  return text.replace(/[\p{C}\p{Z}]/gu, (found) =>
    " \n\t\u200c\u200d".includes(found) ? found : " ".repeat(found.length),
  );
}

/** The address, if it is one of the web; else null. */
export function safeLink(address) {
  if (typeof address !== "string" || /[\s\\\p{C}]/u.test(address)) return null;
  try {
    const { protocol, hostname } = new URL(address);
    return (protocol === "http:" || protocol === "https:") && hostname ? address : null;
  } catch {
    return null;
  }
}

/** What is shown of a result: passages of the answer with their marks, and chunks. */
export function answerView(result) {
  if (!String(result.schema).endsWith("-utf-16")) {
    throw new TypeError('offsets must count UTF-16 units: use to_dict(offsets="utf-16")');
  }
  const support = new Map(result.support.map((each) => [each.statement_index, each]));
  const shown = result.citations.filter((each) =>
    isShown(support.get(each.statement_index)?.label, each.basis),
  );
  let offset = 0;
  const passages = result.statements.map((statement, index) => {
    const start = Math.max(offset, statement.start);
    const end = Math.max(start, statement.end);
    const judged = support.get(statement.index);
    const passage = {
      before: result.answer.slice(offset, start),
      text: result.answer.slice(start, end),
      marks: marksOf(shown.filter((each) => each.statement_index === statement.index)),
      label: Object.hasOwn(LABELS, judged?.label ?? "") ? judged.label : null,
      probability: judged?.probability ?? null,
      remark: result.remarks?.[index] ?? null,
      carried: result.carried?.[index] ?? null,
    };
    offset = end;
    return passage;
  });
  const chunks = result.chunks.map((chunk, index) => chunkView(chunk, index));
  const cited = new Map();
  for (const each of shown) {
    if (!cited.has(each.number)) cited.set(each.number, []);
    cited.get(each.number).push(each);
  }
  const numbered = [...cited]
    .sort(([one], [other]) => one - other)
    .map(([number, citations]) => ({ number, citations, ...chunks[citations[0].chunk_index] }));
  const used = new Set(shown.map((each) => each.chunk_index));
  return {
    passages,
    tail: result.answer.slice(offset),
    cited: numbered,
    uncited: chunks.filter((chunk) => !used.has(chunk.index)),
    alsoSaid: result.chunks.some((chunk, index) => chunk.said && !used.has(index)),
    verified: Boolean(result.verifier) && !result.unverified,
    models: (result.cost?.models ?? []).map((each) => lastPart(each.model)),
    method: result.method ?? "",
    notes: result.notes ?? [],
  };
}

function isShown(label, basis) {
  return label === "parametric" ? basis !== "depends" : label !== "unsupported";
}

/** The citations of one statement, those together that say the same. */
function marksOf(citations) {
  const joined = (groups, key, members) => {
    groups.set(key, [...(groups.get(key) ?? []), ...members]);
    return groups;
  };
  const same = citations.reduce((groups, each) => {
    const ids = [...new Set([each.source_id, ...each.alternatives])].sort((a, b) => a - b);
    return joined(groups, ids.join(), [each]);
  }, new Map());
  const marks = [...same.values()].reduce((groups, members) => {
    const numbers = [...new Set(members.map((each) => each.number))];
    return joined(groups, numbers.join(), members);
  }, new Map());
  return [...marks.values()].map((members) => ({
    numbers: [...new Set(members.map((each) => each.number))],
    citations: members,
  }));
}

function chunkView(chunk, index) {
  const known = chunk.metadata ?? chunk;
  const text = (...keys) =>
    keys.map((key) => known[key]).find((each) => each && typeof each === "string");
  const title = text("title", "source", "file_name", "file_path") ?? chunk.id;
  const page = [known.page_label, known.page_number, known.page].find(
    (each) => Number.isInteger(each) || (typeof each === "string" && each.trim()),
  );
  const parts = [title ? baseName(title) : `chunk ${index + 1}`];
  const section = text("section");
  if (section && section !== parts[0]) parts.push(section);
  if (page !== undefined) parts.push(`${String(page).includes("–") ? "pp." : "p."} ${page}`);
  const link = ["url", "link", "source"].map((key) => safeLink(known[key])).find(Boolean) ?? null;
  return { index, chunk, name: line(parts.join(", ")), link };
}

/** A file's name without the folders of the server. */
function baseName(name) {
  const path = /^(\/(?!\/)|\\\\|[A-Za-z]:[\\/]|~[\\/]|\.{1,2}[\\/]|file:\/)/i;
  return path.test(name) ? lastPart(name) || name : name;
}

function lastPart(path) {
  return path.replace(/[\\/]+$/, "").replace(/^.*[\\/]/, "");
}

function line(text) {
  return readable(text).split(/\s+/).filter(Boolean).join(" ");
}

function nats(score) {
  return (Math.round(score * 100) / 100 + 0).toFixed(2);
}

function level(score) {
  return LEVELS.filter((least) => score >= least).length;
}

const total = (values) => values.reduce((sum, each) => sum + each, 0);

/** The largest of the numbers that are known, null if none is. */
function most(values) {
  const known = values.filter((each) => each !== null);
  return known.length ? Math.max(...known) : null;
}

/** What is known of one source of a mark, in words. */
function evidence(citations, numbers, view, carried) {
  const bases = [...new Set(citations.map((each) => each.basis))];
  const basis = bases.length === 1 ? bases[0] : "both";
  const score = total(citations.map((each) => each.score));
  const kind = citations.every((each) => each.exact) ? "exact" : "approximate";
  const states = most(citations.map((each) => each.states));
  const restored = most(citations.map((each) => each.sufficiency));
  return [
    (view.verified || basis !== "depends") && BASES[basis],
    `${basis === "states" && score >= 0 ? "+" : ""}${nats(score)} nats lost without it (${kind})`,
    states !== null && `stated ${states.toFixed(2).replace(/^0/, "")}`,
    numbers.length > 1 && `either ${numbers.map((each) => `[${each}]`).join(" or ")} is enough`,
    restored !== null && `${nats(restored)} nats from it alone`,
    carried,
  ].filter(Boolean);
}

function quote({ part, text }) {
  const whole = line(part === "metadata" ? `metadata: ${text}` : text);
  return whole.length > QUOTE ? `${whole.slice(0, QUOTE).trimEnd()}…` : whole;
}

/** Whether a statement's label is shown; a remark may say the same. */
function isLabelled({ label: name, remark }) {
  return name !== null && !(name === "parametric" && remark);
}

const Base = globalThis.HTMLElement ?? class {}; // where pages are rendered on a server

export class AttribotAnswer extends Base {
  static observedAttributes = ["result"];
  static #sheet = null;
  #text = "";
  #result = null;
  #root = null;
  #card = null;
  #origin = null; // the mark that a reader came from
  #timer = 0;
  #opened = [];

  get answer() {
    return this.#text;
  }

  set answer(text) {
    this.#text = String(text);
    this.#result = null;
    this.#render();
  }

  get result() {
    return this.#result;
  }

  set result(result) {
    if (result) answerView(result); // what can't be shown is told to whom gives it
    this.#result = result ?? null;
    this.#text = result?.answer ?? "";
    this.#render();
  }

  attributeChangedCallback(_name, _before, value) {
    this.result = value ? JSON.parse(value) : null;
  }

  connectedCallback() {
    if (Object.hasOwn(this, "result")) this.#adopt("result"); // set before the element was known
    if (Object.hasOwn(this, "answer")) this.#adopt("answer");
    globalThis.addEventListener("beforeprint", this.#unfold);
    globalThis.addEventListener("afterprint", this.#fold);
    matchMedia(DARK).addEventListener("change", this.#fit);
    this.#render();
  }

  disconnectedCallback() {
    globalThis.removeEventListener("beforeprint", this.#unfold);
    globalThis.removeEventListener("afterprint", this.#fold);
    matchMedia(DARK).removeEventListener("change", this.#fit);
  }

  #adopt(name) {
    const value = this[name];
    delete this[name];
    this[name] = value;
  }

  #unfold = () => {
    this.#hide();
    this.#opened = [...this.#root.querySelectorAll("details:not([open])")];
    for (const each of this.#opened) each.open = true;
  };

  #fold = () => {
    for (const each of this.#opened) each.open = false;
  };

  #prepare() {
    this.#root = this.attachShadow({ mode: "open" });
    if (!AttribotAnswer.#sheet) {
      AttribotAnswer.#sheet = new CSSStyleSheet();
      AttribotAnswer.#sheet.replaceSync(STYLE);
    }
    this.#root.adoptedStyleSheets = [AttribotAnswer.#sheet];
    this.#root.addEventListener("keydown", (event) => this.#key(event));
  }

  #render() {
    if (!this.isConnected) return;
    if (!this.#root) this.#prepare();
    const page = make("article", { className: "page", part: "page" });
    if (this.#result) {
      const view = answerView(this.#result);
      page.append(this.#answer(view), ...legend(view), ...sources(view), footer(view));
    } else {
      const answer = make("div", { className: "answer", part: "answer", dir: "auto" });
      answer.textContent = readable(this.#text);
      answer.setAttribute("aria-busy", "true");
      page.append(answer);
    }
    this.#card = make("div", { className: "card", part: "card", id: "card", role: "tooltip" });
    this.#card.hidden = true;
    this.#card.addEventListener("pointerenter", () => clearTimeout(this.#timer));
    this.#card.addEventListener("pointerleave", () => this.#hideSoon());
    page.append(this.#card);
    this.#origin = null;
    this.#root.replaceChildren(page);
    this.#fit();
  }

  /** Follow the colours around the element: many pages are dark without saying so. */
  #fit = () => {
    const around = getComputedStyle(this.parentElement ?? document.body).color;
    const [red, green, blue] = (around.match(/[\d.]+/g) ?? [0, 0, 0]).map(Number);
    const light = around.startsWith("rgb") && red + green + blue > 1.5 * 255;
    this.#root.firstElementChild.classList.toggle("dark", light);
  };

  #answer(view) {
    const answer = make("div", { className: "answer", part: "answer", dir: "auto" });
    for (const passage of view.passages) {
      answer.append(readable(passage.before));
      const unit = make("span", { className: `unit ${passage.label ?? ""}` });
      unit.append(make("span", { className: "statement" }, readable(passage.text)));
      for (const mark of passage.marks) unit.append(" ", this.#mark(mark, view, passage.carried));
      if (isLabelled(passage)) unit.append(" ", label(passage));
      if (passage.remark) {
        unit.append(" ", make("small", { className: "remark" }, line(passage.remark)));
      }
      answer.append(unit);
    }
    answer.append(readable(view.tail));
    return answer;
  }

  #mark(mark, view, carried) {
    const shown = make("span", { className: "mark" });
    for (const number of mark.numbers) {
      const citations = mark.citations.filter((each) => each.number === number);
      const source = view.cited.find((each) => each.number === number);
      const chip = make("button", { type: "button", className: "chip", part: "chip" }, `[${number}]`);
      chip.setAttribute("aria-label", `Citation ${number}: ${source.name}`);
      const bases = new Set(citations.map((each) => each.basis));
      if (view.verified && bases.size === 1) chip.classList.add([...bases][0]);
      const notes = evidence(citations, mark.numbers, view, carried);
      const show = () => this.#show(chip, source, citations, notes);
      chip.addEventListener("pointerenter", (event) => event.pointerType !== "touch" && show());
      chip.addEventListener("pointerleave", () => this.#hideSoon());
      chip.addEventListener("focus", show);
      chip.addEventListener("blur", () => this.#hide());
      chip.addEventListener("click", () => this.#choose(chip, source, citations[0]));
      if (shown.childNodes.length) shown.append(make("span", { className: "or" }, " or "));
      shown.append(chip);
    }
    return shown;
  }

  #show(chip, source, citations, notes) {
    clearTimeout(this.#timer);
    this.#hide();
    this.#card.replaceChildren(
      make("strong", { dir: "auto" }, source.name),
      ...[...new Set(citations.map(quote))].map((each) => make("q", { dir: "auto" }, each)),
      make("small", {}, notes.map(line).join(" · ")),
    );
    this.#card.hidden = false;
    chip.setAttribute("aria-describedby", "card");
    const around = this.#card.parentElement.getBoundingClientRect();
    const at = chip.getBoundingClientRect();
    const most = around.width - this.#card.offsetWidth;
    this.#card.style.left = `${Math.max(0, Math.min(at.left - around.left, most))}px`;
    this.#card.style.top = `${at.bottom - around.top + 4}px`;
  }

  #hide() {
    clearTimeout(this.#timer);
    if (this.#card.hidden) return;
    this.#card.hidden = true;
    this.#root.querySelector("[aria-describedby=card]")?.removeAttribute("aria-describedby");
  }

  #hideSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#hide(), 200);
  }

  #choose(chip, source, citation) {
    const told = new CustomEvent("attribot-source", {
      bubbles: true,
      composed: true,
      cancelable: true,
      detail: { citation, chunk: source.chunk },
    });
    this.#hide();
    if (!this.dispatchEvent(told)) return;
    const item = this.#root.getElementById(`source-${source.number}`);
    const whole = item.querySelector("details");
    const passage = `[data-passage="${citation.chunk_start}-${citation.chunk_end}"]`;
    if (whole) whole.open = true;
    const target = (whole ?? item).querySelector(passage) ?? item;
    for (const each of this.#root.querySelectorAll(".chosen")) each.classList.remove("chosen");
    item.classList.add("chosen");
    target.classList.add("chosen");
    this.#origin = chip;
    item.focus({ preventScroll: true });
    target.scrollIntoView({ block: "nearest", behavior: calm() ? "auto" : "smooth" });
  }

  #key(event) {
    if (event.key !== "Escape") return;
    if (!this.#card.hidden) this.#hide();
    else if (this.#origin && this.#root.activeElement?.closest(".source")) {
      const chip = this.#origin;
      this.#origin = null;
      chip.focus();
      this.#hide();
    } else return;
    event.stopPropagation();
  }
}

function sources(view) {
  const found = [];
  const { length } = view.cited;
  found.push(heading(length ? `Sources · ${length}` : "No source is cited"));
  if (length) {
    const list = make("ul", { className: "sources", part: "sources" });
    list.append(...view.cited.map((each) => citedSource(each)));
    found.push(list);
  }
  if (view.uncited.length) {
    const others = make("details", { className: "others" });
    const list = make("ul", { className: "sources" });
    list.append(...view.uncited.map((each) => uncitedSource(each)));
    const name = view.alsoSaid ? "Also at hand" : "Also retrieved"; // no conversation is retrieved
    const summary = `${name}, not cited · ${view.uncited.length}`;
    others.append(make("summary", {}, summary), list);
    found.push(others);
  }
  return found;
}

function make(tag, properties = {}, text = "") {
  const { role, part, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  if (role) element.setAttribute("role", role);
  if (part) element.setAttribute("part", part);
  if (text) element.textContent = text;
  return element;
}

function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

function heading(text) {
  const made = make("p", { className: "heading" }, text);
  made.setAttribute("role", "heading");
  made.setAttribute("aria-level", "3");
  return made;
}

function label({ label: name, probability }) {
  const [word, meaning] = LABELS[name];
  const likely = probability === null ? "" : `; supported with ${Math.round(100 * probability)} %`;
  return make("small", { className: "label", title: meaning + likely }, word);
}

function legend(view) {
  const found = new Set(view.passages.filter(isLabelled).map((each) => each.label));
  const rows = Object.entries(LABELS).filter(([name]) => found.has(name));
  if (!rows.length) return [];
  const list = make("dl", { className: "legend" });
  for (const [name, [word, meaning]] of rows) {
    const row = make("div", { className: `unit ${name}` });
    row.append(make("dt", { className: "label" }, word), " ", make("dd", {}, meaning));
    list.append(row);
  }
  return [list];
}

function footer(view) {
  const made = make("footer", { className: "footer" });
  const models = view.models.map(line).join(", ");
  const measured = `Nats: how much less likely the answer is without a source, to ${models}`;
  const notes = [models ? `${measured}; method ${view.method}.` : "", ...view.notes];
  for (const note of notes.filter(Boolean)) made.append(make("p", { dir: "auto" }, line(note)));
  return made;
}

function named(view) {
  const name = make("strong", { dir: "auto" });
  if (view.link) {
    const rel = "noopener noreferrer nofollow";
    name.append(make("a", { href: view.link, target: "_blank", rel }, view.name));
  } else name.textContent = view.name;
  return name;
}

function citedSource(view) {
  const item = make("li", { className: "source", id: `source-${view.number}`, tabIndex: -1 });
  const head = make("p", { className: "name" });
  head.append(make("span", { className: "number" }, String(view.number)), named(view));
  item.append(head);
  const own = view.citations.filter((each) => each.chunk_index === view.index);
  const { text } = view.chunk;
  if (text.length <= LONG) {
    item.append(marked(text, own));
    return item;
  }
  for (const each of distinct(own)) {
    const shown = make("div", { className: "text", dir: "auto" });
    shown.append(passage(text, each));
    item.append(shown);
  }
  const whole = make("details");
  const length = text.length.toLocaleString("en");
  whole.append(make("summary", {}, `Whole text (${length} characters)`), marked(text, own));
  item.append(whole);
  return item;
}

function uncitedSource(view) {
  const item = make("li", { className: "source" });
  const whole = make("details");
  const summary = make("summary");
  summary.append(named(view));
  const text = readable(view.chunk.text);
  whole.append(summary, make("div", { className: "text", dir: "auto" }, text));
  item.append(whole);
  return item;
}

/** One citation for each passage, in the order of the text. */
function distinct(citations) {
  const found = new Map();
  for (const each of citations) {
    const key = `${each.chunk_start}-${each.chunk_end}`;
    const worth = Math.max(each.score, each.sufficiency ?? 0, found.get(key)?.worth ?? -Infinity);
    found.set(key, { ...each, worth });
  }
  return [...found.values()].sort((one, other) => one.chunk_start - other.chunk_start);
}

/** A text whose cited passages are marked. */
function marked(text, citations) {
  const shown = make("div", { className: "text", dir: "auto" });
  let done = 0;
  for (const each of distinct(citations)) {
    if (each.chunk_start < done) continue;
    shown.append(readable(text.slice(done, each.chunk_start)));
    shown.append(passage(text, each));
    done = each.chunk_end;
  }
  shown.append(readable(text.slice(done)));
  return shown;
}

function passage(text, { chunk_start: start, chunk_end: end, worth }) {
  const shown = make("mark", { className: `level-${level(worth)}` }, readable(text.slice(start, end)));
  shown.dataset.passage = `${start}-${end}`;
  return shown;
}

const STYLE = `
:host { display: block; overflow-wrap: anywhere; }
:host([hidden]) { display: none; }
.page {
  --ab-paper: light-dark(#ffffff, #16191d);
  --ab-panel: light-dark(#f6f7f8, #1e2227);
  --ab-ink: light-dark(#1b1f23, #e8eaed);
  --ab-quiet: light-dark(#57606a, #a3adb8);
  --ab-line: light-dark(#d5dade, #3a4149);
  --ab-accent: light-dark(#0b5f45, #74d6b2);
  --ab-chip: light-dark(#e1f3eb, #17382d);
  --ab-glow: light-dark(#d9efe5, #1f4136);
  --ab-doubt: light-dark(#9a3412, #fdba74);
  --ab-unclear: light-dark(#7a5200, #f0cd6a);
  position: relative;
  color: var(--ab-ink);
  line-height: 1.6;
}
.dark, :host([theme="dark"]) .page { color-scheme: dark; }
:host([theme="light"]) .page { color-scheme: light; }
* { box-sizing: border-box; }
p, ul, dl, dd { margin: 0; padding: 0; }
a { color: var(--ab-accent); text-underline-offset: .15em; }
:focus-visible { outline: 2px solid var(--ab-accent); outline-offset: 1px; border-radius: 4px; }
summary { cursor: pointer; color: var(--ab-quiet); }
.answer { white-space: pre-wrap; }
.statement { border-radius: 3px; transition: background-color .12s; }
.unit:has(.chip:hover, .chip:focus-visible) .statement { background: var(--ab-glow); box-shadow: 0 0 0 2px var(--ab-glow); }
.mark { font-size: .8em; white-space: nowrap; }
.or { color: var(--ab-quiet); }
.chip { margin: 0; padding: .05em .4em; border: 1px solid transparent; border-radius: 5px; background: var(--ab-chip); color: var(--ab-accent); font: inherit; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.4; cursor: pointer; }
.chip:hover { border-color: var(--ab-accent); }
.chip.depends, .chip.states { border-color: var(--ab-accent); }
.chip.states { border-style: dashed; background: none; }
.card { position: absolute; z-index: 10; width: min(28rem, 100%); padding: .7rem .9rem; border: 1px solid var(--ab-line); border-radius: 8px; background: var(--ab-paper); box-shadow: 0 6px 24px rgb(0 0 0 / .22); font-size: .9em; line-height: 1.45; }
.card:not([hidden]) { display: grid; gap: .4rem; }
.card small, .legend, .footer, .heading, .others > summary { color: var(--ab-quiet); }
.unsupported .statement { text-decoration: underline wavy 1px var(--ab-doubt); text-underline-offset: .25em; }
.uncertain .statement, .unknown .statement { text-decoration: underline dotted 2px var(--ab-unclear); text-underline-offset: .25em; }
.parametric .statement { text-decoration: underline dotted 1px var(--ab-quiet); text-underline-offset: .25em; }
.label { display: inline-block; padding: 0 .45em; border: 1px solid; border-radius: 5px; color: var(--ab-quiet); font-size: .75em; line-height: 1.5; white-space: nowrap; }
.unsupported .label { color: var(--ab-doubt); }
.uncertain .label, .unknown .label, .remark { color: var(--ab-unclear); }
.remark { font-style: italic; }
.parametric .remark { color: var(--ab-quiet); }
.legend { margin-top: .75em; font-size: .85em; }
.legend .label { font-size: .9em; }
.legend dd { display: inline; }
.heading, .others > summary { margin: 1.25em 0 .5em; font-size: .85em; font-weight: 650; }
.sources { display: grid; gap: .6em; list-style: none; }
.source { min-width: 0; padding: .6em .8em; border: 1px solid var(--ab-line); border-radius: 8px; background: var(--ab-panel); font-size: .92em; }
.source, .source mark { scroll-margin: 5rem; }
.source:focus { outline: none; }
.source.chosen { border-color: var(--ab-accent); box-shadow: 0 0 0 1px var(--ab-accent); }
.others .sources { gap: .3em; }
.others .source { padding: .3em .8em; }
.others summary strong { font-weight: 500; }
.name { display: flex; flex-wrap: wrap; gap: .5em; align-items: baseline; }
.number { min-width: 1.7em; padding: 0 .4em; border-radius: 5px; background: var(--ab-chip); color: var(--ab-accent); font-weight: 600; text-align: center; }
.text { margin-top: .35em; white-space: pre-wrap; }
mark { border-bottom: 2px solid var(--ab-accent); background: none; color: inherit; }
mark.level-1 { background: light-dark(#fff8e2, #29251a); }
mark.level-2 { background: light-dark(#fff0c4, #372f1a); }
mark.level-3 { background: light-dark(#ffe49c, #493c19); }
mark.level-4 { background: light-dark(#ffd56e, #5c4a19); }
mark.level-5 { background: light-dark(#ffc444, #70591a); }
mark.chosen { outline: 2px solid var(--ab-accent); outline-offset: 2px; border-radius: 2px; }
.footer { margin-top: 1em; font-size: .8em; }
@media (prefers-reduced-motion: reduce) { .statement { transition: none; } }
@media print {
  .page { color-scheme: light !important; }
  .card { display: none !important; }
  .source { break-inside: avoid; }
}
`;

if (globalThis.customElements && !customElements.get("attribot-answer")) {
  customElements.define("attribot-answer", AttribotAnswer);
}
