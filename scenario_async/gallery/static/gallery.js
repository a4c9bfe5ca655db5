// Keys, copying, and the place to come back to. Everything else works without it.
"use strict";

(() => {
  const search = document.getElementById("q");
  const notice = document.getElementById("notice");
  const KEPT = "gallery";
  const CARD = "gallery card";

  const cards = () => [...document.querySelectorAll(".card h2 a")];
  const isTyping = (target) => target.closest("input, select, textarea, [contenteditable]") !== null;

  function say(text) {
    notice.textContent = text;
    clearTimeout(say.timer);
    if (text) say.timer = setTimeout(() => (notice.textContent = ""), 6000);
  }

  // The nearest card in a row above or below is the one at the same place.
  function neighbour(links, index, key) {
    if (key === "ArrowLeft") return links[index - 1];
    if (key === "ArrowRight") return links[index + 1];
    const box = (link) => link.closest(".card").getBoundingClientRect();
    const here = box(links[index]);
    const step = key === "ArrowDown" ? 1 : -1;
    for (let at = index + step; at >= 0 && at < links.length; at += step) {
      const other = box(links[at]);
      if (Math.abs(other.top - here.top) > 4 && Math.abs(other.left - here.left) < 4) return links[at];
    }
    return key === "ArrowDown" ? links[links.length - 1] : undefined;
  }

  function onArrow(event) {
    const links = cards();
    if (!links.length) return;
    const index = links.indexOf(document.activeElement);
    if (index < 0) {
      if (document.activeElement === search && event.key !== "ArrowDown") return;
      if (document.activeElement !== search && document.activeElement !== document.body) return;
      if (event.key !== "ArrowDown" && event.key !== "ArrowRight") return;
    }
    const next = index < 0 ? links[0] : neighbour(links, index, event.key);
    if (next) {
      event.preventDefault();
      next.focus();
      next.closest(".card").scrollIntoView({ block: "nearest" });
    } else if (event.key === "ArrowUp" && search) {
      event.preventDefault();
      search.focus();
    }
  }

  function onEscape(event) {
    if (document.querySelector(":popover-open")) return;
    const up = document.getElementById("up");
    if (search && document.activeElement === search) {
      if (search.value === "") search.blur();
    } else if (search && cards().includes(document.activeElement)) {
      search.focus();
    } else if (up) {
      event.preventDefault();
      up.click();
    }
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && search && !isTyping(event.target)) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key.startsWith("Arrow") && (!isTyping(event.target) || event.target === search)) {
      onArrow(event);
    } else if (event.key === "Escape") {
      onEscape(event);
    }
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
    const card = event.target.closest(".card h2 a");
    if (card) remember(card);
  });

  // Whoever comes back finds the pages up to this card, and the card.
  function remember(card) {
    const url = new URL(location.href);
    if (card.dataset.page === "1") url.searchParams.delete("page");
    else url.searchParams.set("page", card.dataset.page);
    history.replaceState({ ...history.state, card: card.getAttribute("href") }, "", url);
    keep(KEPT, url.href);
  }

  function keep(key, value) {
    try {
      if (value === null) sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, value);
    } catch {
      // Not everybody lets sites keep something.
    }
  }

  function kept(key) {
    try {
      return sessionStorage.getItem(key);
    } catch {
      return null;
    }
  }

  async function copy(button) {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      const label = button.dataset.label ?? (button.dataset.label = button.textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = label), 1500);
    } catch {
      getSelection().selectAllChildren(source);
      say("The browser does not let pages copy here: the text is selected.");
    }
  }

  const up = document.getElementById("up");
  if (up && !search) {
    const href = kept(KEPT);
    if (href && new URL(href).pathname === new URL(up.href).pathname) {
      up.href = href;
      up.addEventListener("click", () => keep(CARD, location.pathname));
    }
  } else if (search) {
    keep(KEPT, location.href);
    document.addEventListener("htmx:afterSettle", () => keep(KEPT, location.href));
    addEventListener("pageshow", () => {
      const from = kept(CARD);
      keep(CARD, null);
      const left = from && cards().find((link) => link.pathname === from);
      const href = left ? left.getAttribute("href") : history.state?.card;
      const card = href && cards().find((link) => link.getAttribute("href") === href);
      if (!card) return;
      card.focus({ preventScroll: true });
      card.closest(".card").scrollIntoView({ block: "nearest" });
    });
  }

  // A copy that has become newer than what is shown can be looked at.
  const copied = () => document.querySelector("#store time")?.dateTime;
  const shown = copied();
  document.addEventListener("htmx:afterSettle", () => {
    const fresh = document.querySelector("#store .fresh");
    if (fresh) fresh.hidden = copied() === shown;
  });

  // What is put in place anew stays as open as it was, and whoever chose something is not lost.
  let open = [];
  document.addEventListener("htmx:beforeSwap", () => {
    open = [...document.querySelectorAll("#filters details[open]")].map((details) => details.id);
  });
  document.addEventListener("htmx:afterSettle", () => {
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (document.activeElement === document.body) {
      document.getElementById("main")?.focus({ preventScroll: true });
    }
  });

  document.addEventListener("htmx:responseError", (event) => {
    const { xhr } = event.detail;
    // Whatever stands in front of the gallery may answer with a page of its own.
    const isText = xhr.getResponseHeader("Content-Type")?.startsWith("text/plain");
    const isSaid = isText && (xhr.status < 500 || xhr.status === 503);
    say(isSaid ? xhr.responseText : "The gallery failed at this.");
  });
  document.addEventListener("htmx:sendError", () => say("The gallery cannot be reached."));
})();
