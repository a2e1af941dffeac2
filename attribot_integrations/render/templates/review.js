"use strict";
// All texts are put into the page as text (textContent); nothing is ever parsed as HTML.
const data = JSON.parse(document.getElementById("data").textContent);
const STORE = "attribot-review-" + data.store;
const BATCH = 20;
const judged = new Map();
const chosen = new Set(data.labels);
const at = (id) => document.getElementById(id);
let shown = [];
let drawn = 0;

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function button(className, text, action) {
  const element = make("button", className, text);
  element.type = "button";
  element.addEventListener("click", action);
  return element;
}

// What was judged, kept in the browser as far as that allows it.

function name(answer, place) {
  return answer.key + ":" + place;
}

function remember() {
  try {
    localStorage.setItem(STORE, JSON.stringify([...judged]));
  } catch (error) { /* a private window: the file that is saved is all there is */ }
  tell();
}

function recall() {
  try {
    for (const [key, value] of JSON.parse(localStorage.getItem(STORE) || "[]")) judged.set(key, value);
  } catch (error) { /* as above */ }
}

function tell() {
  const all = data.answers.reduce(
    (sum, answer) => sum + answer.statements.filter((each) => !each.shape).length, 0);
  at("progress").textContent =
    `${judged.size.toLocaleString("en")} of ${all.toLocaleString("en")} statements judged`;
}

function lines() {
  return data.answers.flatMap((answer) => {
    const labels = answer.statements.map((_, place) => judged.get(name(answer, place)) ?? null);
    if (labels.every((label) => label === null)) return [];
    return [JSON.stringify({ key: answer.key, id: answer.id, labels })];
  });
}

function save() {
  const link = make("a");
  link.href = URL.createObjectURL(
    new Blob(lines().map((line) => line + "\n"), { type: "application/jsonl" }));
  link.download = "labels.jsonl";
  link.click();
  URL.revokeObjectURL(link.href);
}

async function load(event) {
  const [file] = event.target.files;
  const answers = new Map(data.answers.map((answer) => [answer.key, answer]));
  try {
    for (const line of (await file.text()).split("\n")) {
      if (!line.trim()) continue;
      const read = JSON.parse(line);
      const answer = answers.get(read.key);
      if (!answer || read.labels.length !== answer.statements.length) continue;
      read.labels.forEach((label, place) => {
        if (typeof label === "boolean") judged.set(name(answer, place), label);
      });
    }
  } catch (error) {
    alert("This is no file of labels: " + error.message);
  }
  event.target.value = "";
  remember();
  filter();
}

// Which statements are shown.

function matches(answer, place) {
  const statement = answer.statements[place];
  if (statement.shape) return false;
  if (statement.label && !chosen.has(statement.label)) return false;
  if (at("open").checked && judged.has(name(answer, place))) return false;
  const source = at("source").value.trim().toLowerCase();
  if (source && !statement.citations.some((citation) =>
    data.texts[answer.chunks[citation.chunk]].name.toLowerCase().includes(source))) return false;
  const text = at("text").value.trim().toLowerCase();
  return !text || (answer.question + "\n" + statement.text).toLowerCase().includes(text);
}

function filter() {
  shown = [];
  let count = 0;
  for (const answer of data.answers) {
    const places = answer.statements.flatMap((_, place) => matches(answer, place) ? [place] : []);
    if (!places.length) continue;
    count += places.length;
    shown.push([answer, new Set(places)]);
  }
  at("count").textContent =
    `${count.toLocaleString("en")} statements in ${shown.length.toLocaleString("en")} answers`;
  at("answers").replaceChildren();
  drawn = 0;
  more();
}

// Only what has come into sight is in the page.

const end = make("p", "note", "");
const sight = new IntersectionObserver((entries) => {
  if (entries.some((entry) => entry.isIntersecting)) more();
}, { rootMargin: "1200px" });

function more() {
  sight.unobserve(end);
  const next = shown.slice(drawn, drawn + BATCH);
  drawn += next.length;
  at("answers").append(...next.map(([answer, places]) => draw(answer, places)), end);
  end.textContent = shown.length ? "" : "No statement is like that.";
  if (drawn < shown.length) sight.observe(end);
}

function draw(answer, places) {
  const article = make("article");
  const heading = make("h2", "", answer.question || "(no question)");
  heading.dir = "auto";
  if (answer.id !== null) heading.append(" ", make("span", "id", answer.id));
  article.append(heading);
  answer.statements.forEach((_, place) => article.append(row(answer, place, places.has(place))));
  for (const note of answer.notes) article.append(make("p", "note", note));
  return article;
}

function row(answer, place, on) {
  const statement = answer.statements[place];
  const element = make("div", "statement" + (statement.shape ? " shape" : on ? "" : " off"));
  const said = make("div", "said", statement.text);
  said.dir = "auto";
  for (const citation of statement.citations) {
    const mark = button("mark" + (citation.denied ? " denied" : ""), citation.number,
      () => open(answer, citation.chunk, citation, mark));
    mark.title = citation.worth + (citation.denied ? "; not shown to readers" : "");
    said.append(mark);
  }
  element.append(said);
  if (statement.shape) return element;
  element.tabIndex = -1;
  const judge = make("div", "judge");
  const answers = [["yes", "supported", true], ["no", "not supported", false]].map(([kind, text, value]) => {
    const choice = button(kind, text, () => decide(value));
    judge.append(choice);
    return [choice, value];
  });
  const told = make("div", "told");
  if (statement.label) {
    const likely = statement.probability;
    told.append(make("span", "label " + statement.label,
      statement.label + (likely === null ? "" : ` ${Math.round(100 * likely)} %`)));
  }
  for (const note of statement.notes) told.append(make("span", "", note));
  element.append(judge, told);
  function decide(value) {
    const key = name(answer, place);
    if (value === undefined || judged.get(key) === value) judged.delete(key);
    else judged.set(key, value);
    mark();
    remember();
  }
  function mark() {
    const value = judged.get(name(answer, place));
    element.dataset.judged = value ?? "";
    for (const [choice, own] of answers) choice.setAttribute("aria-pressed", value === own);
  }
  element.decide = decide;
  mark();
  return element;
}

// The passage in its document.

function open(answer, chunk, citation, mark) {
  for (const each of document.querySelectorAll(".mark[aria-current]")) each.removeAttribute("aria-current");
  mark?.setAttribute("aria-current", "true");
  const source = data.texts[answer.chunks[chunk]];
  const heading = make("h2");
  const title = source.link ? make("a", "", source.name) : make("span", "", source.name);
  if (source.link) Object.assign(title, { href: source.link, target: "_blank", rel: "noopener noreferrer nofollow" });
  heading.append(title);
  const text = make("div", "document");
  text.dir = "auto";
  let passage = null;
  if (citation) {
    passage = make("mark", "", source.text.slice(citation.start, citation.end));
    text.append(source.text.slice(0, citation.start), passage, source.text.slice(citation.end));
  } else {
    text.append(source.text);
  }
  const others = make("ul");
  answer.chunks.forEach((place, index) => {
    const choice = button("", data.texts[place].name, () => open(answer, index, null, mark));
    if (index === chunk) choice.setAttribute("aria-current", "true");
    const item = make("li");
    item.append(choice);
    others.append(item);
  });
  at("passage").replaceChildren(
    heading,
    ...source.more.map((line) => make("p", "quiet", line)),
    ...(citation ? [make("p", "quiet", citation.worth)] : []),
    text,
    make("p", "quiet", `All ${answer.chunks.length} sources of this answer`),
    others,
  );
  at("passage").scrollTop = passage ? passage.offsetTop - at("passage").clientHeight / 3 : 0;
}

// Keys.

function step(by) {
  const rows = [...document.querySelectorAll(".statement:not(.shape, .off)")];
  const next = rows[rows.indexOf(document.activeElement?.closest(".statement")) + by];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  s: (current) => current?.decide(true),
  n: (current) => current?.decide(false),
  u: (current) => current?.decide(undefined),
  Enter: (current) => current === document.activeElement && current?.querySelector(".mark")?.click(),
};
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input") || event.ctrlKey || event.metaKey || event.altKey;
  if (!typing) KEYS[event.key]?.(document.activeElement?.closest(".statement"));
});

// Start.

function begin() {
  const counts = new Map();
  for (const answer of data.answers) {
    for (const { label } of answer.statements) if (label) counts.set(label, (counts.get(label) || 0) + 1);
  }
  for (const label of data.labels.filter((each) => counts.has(each))) {
    const choice = button("label " + label, `${label} ${counts.get(label).toLocaleString("en")}`, () => {
      if (!chosen.delete(label)) chosen.add(label);
      choice.setAttribute("aria-pressed", chosen.has(label));
      filter();
    });
    choice.setAttribute("aria-pressed", "true");
    at("labels").append(choice);
  }
  const names = [...new Set(data.texts.map((text) => text.name))].sort().slice(0, 1000);
  at("names").append(...names.map((each) => { const one = make("option"); one.value = each; return one; }));
  for (const id of ["source", "text"]) at(id).addEventListener("input", filter);
  at("open").addEventListener("change", filter);
  at("save").addEventListener("click", save);
  at("load").addEventListener("change", load);
  recall();
  tell();
  filter();
}
begin();
