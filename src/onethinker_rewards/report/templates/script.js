"use strict";
// Shows the rows that pass the filters, some at a time: the HTML of a row, which is escaped, is made when it is needed.
const STEP = 20;
const rows = [...document.querySelectorAll("script.row")].map((element) => JSON.parse(element.textContent));
const list = document.getElementById("rows");
const more = document.getElementById("more");
const count = document.getElementById("count");
const selects = ["task", "stratum", "order"].map((id) => document.getElementById(id));
const buttons = [...document.querySelectorAll("button[data-code]")];
const orders = {
  number: (a, b) => a.number - b.number,
  low: (a, b) => (a.total ?? Infinity) - (b.total ?? Infinity) || a.number - b.number,
  high: (a, b) => (b.total ?? -Infinity) - (a.total ?? -Infinity) || a.number - b.number,
};
let chosen = [];

function elementOf(row) {
  const item = document.createElement("li");
  item.tabIndex = -1;
  item.dataset.number = row.number;
  item.innerHTML = row.html;
  for (const image of item.querySelectorAll("img[data-picture]")) {
    image.src = document.getElementById("picture-" + image.dataset.picture).textContent;
  }
  return item;
}

function showMore() {
  const begin = list.children.length;
  list.append(...chosen.slice(begin, begin + STEP).map(elementOf));
  more.hidden = list.children.length >= chosen.length;
}

function choose() {
  const [task, stratum, order] = selects.map((select) => select.value);
  const codes = buttons.filter((button) => button.ariaPressed === "true").map((button) => button.dataset.code);
  chosen = rows
    .filter((row) => (!task || row.task === task) && (!stratum || row.stratum === stratum))
    .filter((row) => !codes.length || codes.some((code) => row.codes.includes(code)))
    .sort(orders[order]);
  count.textContent = `${chosen.length} of ${rows.length} rows`;
  list.replaceChildren();
  showMore();
}

function go(by) {
  const at = [...list.children].indexOf(document.activeElement.closest("#rows > li"));
  if (at + by >= list.children.length) {
    showMore();
  }
  const target = list.children[Math.max(0, at + by)];
  if (target) {
    target.focus();
    target.scrollIntoView({ block: "start" });
  }
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select")) {
    return;
  }
  if (event.key === "j") {
    go(1);
  } else if (event.key === "k") {
    go(-1);
  } else if (event.key === "o") {
    const details = document.activeElement.closest("#rows > li")?.querySelector("details");
    if (details) {
      details.open = !details.open;
    }
  }
}

for (const button of buttons) {
  button.addEventListener("click", () => {
    button.ariaPressed = button.ariaPressed === "true" ? "false" : "true";
    choose();
  });
}
selects.forEach((select) => select.addEventListener("change", choose));
more.addEventListener("click", showMore);
document.addEventListener("keydown", onKey);
new IntersectionObserver((entries) => {
  if (entries.some((entry) => entry.isIntersecting) && !more.hidden) {
    showMore();
  }
}, { rootMargin: "600px" }).observe(more);
choose();
