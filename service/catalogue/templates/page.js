"use strict";
const root = document.documentElement;
const query = document.getElementById("query");
const found = document.getElementById("found");
const nothing = document.getElementById("nothing");
const articles = [...document.querySelectorAll("article")];
const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));

// Light or dark: as the system is, until somebody chooses; kept where the browser lets us.
const remembered = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
const remember = (theme) => { try { localStorage.setItem("theme", theme); } catch { /* not kept */ } };
const dark = matchMedia("(prefers-color-scheme: dark)");
const show = () => { root.dataset.theme = remembered() ?? (dark.matches ? "dark" : "light"); };
dark.addEventListener("change", show);
document.getElementById("theme").addEventListener("click", () => {
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  remember(root.dataset.theme);
});
show();

// Search: what has every word in it stays.
const search = () => {
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const article of articles) {
    const hit = words.every((word) => article.dataset.search.includes(word));
    article.hidden = !hit;
    links.get(article.id).parentElement.hidden = !hit;
    count += hit;
  }
  for (const section of document.querySelectorAll("nav section")) {
    section.hidden = !section.querySelector("li:not([hidden])");
  }
  for (const group of document.querySelectorAll(".group")) {
    group.hidden = !group.querySelector("article:not([hidden])");
  }
  document.getElementById("top").hidden = words.length > 0;
  nothing.hidden = count > 0;
  found.textContent = words.length ? `${count} found` : "";
  document.body.classList.toggle("searching", words.length > 0);
};
const everything = () => { query.value = ""; search(); };
query.addEventListener("input", () => { search(); scrollTo({ top: 0, behavior: "instant" }); });
query.form.addEventListener("submit", (event) => event.preventDefault());

// The keyboard: / to search, arrows through what is in the contents, Enter to go, Esc to end.
const visible = () => [...links.values()].filter((link) => link.offsetParent !== null);
const step = (by) => {
  const all = visible();
  const next = all.indexOf(document.activeElement) + by;
  if (next < 0) { query.focus(); } else { all[Math.min(next, all.length - 1)]?.focus(); }
};
document.addEventListener("keydown", (event) => {
  const typing = document.activeElement === query;
  const inContents = document.activeElement?.closest?.("nav");
  if (event.ctrlKey || event.metaKey || event.altKey) { return; }
  if (event.key === "/" && !typing) {
    event.preventDefault();
    query.focus();
    query.select();
  } else if (event.key === "Escape") {
    everything();
    if (typing) { query.blur(); }
  } else if (event.key === "Enter" && typing) {
    event.preventDefault();
    visible()[0]?.click();
    query.blur();
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && (typing || inContents)) {
    event.preventDefault();
    if (typing) { if (event.key === "ArrowDown") { visible()[0]?.focus(); } } else { step(event.key === "ArrowDown" ? 1 : -1); }
  }
});

// A link to what the search has left out shows everything again.
addEventListener("hashchange", () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.closest("[hidden]")) { everything(); target.scrollIntoView(); }
});

// The contents show where one is.
const watch = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) { continue; }
    for (const link of links.values()) { link.removeAttribute("aria-current"); }
    const link = links.get(target.id);
    link.setAttribute("aria-current", "true");
    if (!document.activeElement.closest("nav")) { link.scrollIntoView({ block: "nearest", behavior: "instant" }); }
  }
}, { rootMargin: "-15% 0px -75% 0px" });
articles.forEach((article) => watch.observe(article));

for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    const pre = button.closest("figure").querySelector("pre");
    try {
      await navigator.clipboard.writeText(pre.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(pre);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}
