// The panel by keyboard: one table of what can be pressed on this page, made from what is on it.
// data-key="e c" on an element says which keys use it, data-key-label what that does,
// data-go="q" on a link that `g q` goes there, data-chord names keys that another script hears. Keys can be turned off (WCAG 2.1.4).
(() => {
  const words = document.currentScript.dataset;
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const isShown = (element) => element.getClientRects().length > 0;

  // A browser that keeps nothing lets every choice last for one page.
  const keep = (store, name, value) => {
    try {
      if (value === undefined) return store.getItem(name);
      store.setItem(name, value);
    } catch {
      /* nothing is kept */
    }
    return null;
  };
  let isOn = keep(localStorage, "keys") !== "off";

  // ------------------------------------------------------------------------------- lists

  const rowLinks = () => all(".list-table tbody tr").map((row) => row.querySelector(".cell-main a[href]")).filter(Boolean);
  // The same page by whichever way: a ticket's address also carries the place in a list.
  const identity = (address) => {
    const url = new URL(address, location.href);
    return url.pathname + (url.searchParams.get("id") || "");
  };
  const present = (links) => {
    const row = document.activeElement?.closest("tr");
    const focused = links.findIndex((link) => link.closest("tr") === row);
    if (focused >= 0) return focused;
    const last = keep(sessionStorage, "keys-row");
    return links.findIndex((link) => identity(link.href) === last);
  };
  // On this page already: an open page may have drawn the row anew, and the focus went with it.
  let stands = "";
  const stand = (link) => {
    stands = identity(link.href);
    keep(sessionStorage, "keys-row", identity(link.href));
    link.focus();
    link.closest("tr").scrollIntoView({ block: "nearest" });
  };
  const step = (by) => () => {
    const links = rowLinks();
    const row = document.activeElement?.closest(".list-table tbody tr");
    const at = present(links);
    // Where one has been before one stands first, and only then goes on.
    const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : row || identity(links[at].href) === stands ? at + by : at;
    if (links[next]) stand(links[next]);
  };
  const presentRow = () => rowLinks()[present(rowLinks())]?.closest("tr");
  const tick = () => presentRow()?.querySelector("input[type=checkbox]")?.click();
  const open = () => presentRow()?.querySelector(".cell-main a[href]").click();

  // ------------------------------------------------------------------ what is on the page

  const use = (element) => {
    if (element.matches("summary")) {
      element.parentElement.open = true;
      const first = element.parentElement.querySelector(".menu-panel :is(a[href], button, input:not([type=hidden]))");
      (first || element).focus();
      return;
    }
    const field = element.matches("label") ? element.control : element.matches("input, select, textarea") ? element : null;
    if (element.matches("label") && field?.type === "radio") {
      element.click();
      // At once: the next key is a letter already, and would be a key of the page.
      field.form?.querySelector("textarea")?.focus();
    } else if (field?.tomselect) field.tomselect.focus();
    else if (field) {
      field.focus();
      field.select?.();
    } else element.click();
  };

  const labelOf = (element) => element.dataset.keyLabel || element.getAttribute("aria-label") || element.textContent.trim();
  const isLive = (element) => isShown(element) && !element.matches(":disabled, [aria-disabled=true]");

  // key → {label, act}, in the order in which the help lists them.
  const table = () => {
    const found = new Map();
    const add = (key, keys, label, act, group) => {
      if (!found.has(key)) found.set(key, { keys, label, act, group });
    };
    const has = rowLinks().length > 0;
    if (has) {
      add("j", ["j"], words.textDown, step(1), "list");
      add("k", ["k"], words.textUp, step(-1), "list");
      add("o", ["o", "Enter"], words.textOpen, open, "list");
      if (all(".list-table tbody input[type=checkbox]").length) add("x", ["x"], words.textSelect, tick, "list");
    }
    // What the page itself offers comes before the frame around it.
    const elements = all("[data-key]").filter(isLive);
    const main = document.getElementById("main");
    [...elements.filter((one) => main?.contains(one)), ...elements.filter((one) => !main?.contains(one))].forEach((element) => {
      const keys = element.dataset.key.split(" ");
      const free = keys.filter((key) => !found.has(key));
      free.forEach((key) => add(key, free, labelOf(element), () => use(element), "page"));
    });
    add("?", ["?"], words.textHelp, showHelp, "page");
    return found;
  };

  const goals = () => all("a[data-go]").map((link) => ({ key: link.dataset.go, label: link.textContent.trim(), act: () => link.click() }));

  // -------------------------------------------------------------------------------- help

  const made = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const caps = (keys, between) => keys.flatMap((key, n) => (n ? [between, made("kbd", { textContent: key })] : [made("kbd", { textContent: key })]));
  const list = (title, rows) => {
    const heading = made("h3", { className: "keys-help__group", textContent: title });
    const box = made("dl", { className: "keys-help__list" });
    rows.forEach(([keys, label]) => box.append(made("div", {}, made("dt", {}, ...keys), made("dd", { textContent: label }))));
    return rows.length ? [heading, box] : [];
  };

  function showHelp() {
    if (document.querySelector("dialog[open]")) return;
    const rows = [...new Map([...table().values()].map((one) => [one.keys.join(), one])).values()];
    const of = (group) => rows.filter((one) => one.group === group).map((one) => [caps(one.keys, ` ${words.textOr} `), one.label]);
    // Pressed while one writes, where single keys are letters.
    const chords = all("[data-chord]").filter(isShown).map((one) => [caps(one.dataset.chord.split("+"), "+"), one.dataset.chordLabel]);
    const go = goals().map((one) => [caps(["g", one.key], " "), one.label]);
    const box = made("input", { type: "checkbox", className: "form-check-input", checked: isOn });
    box.addEventListener("change", () => {
      isOn = box.checked;
      keep(localStorage, "keys", isOn ? "on" : "off");
      describe();
    });
    const form = made("form", { method: "dialog" }, made("button", { className: "btn", textContent: words.textClose, value: "close" }));
    const title = made("h2", { id: "keys-help-title", className: "keys-help__title", textContent: words.textTitle });
    const dialog = made(
      "dialog",
      { className: "confirm-dialog keys-help" },
      title,
      ...list(words.textPage, [...of("page"), ...chords]),
      ...list(words.textList, of("list")),
      ...list(words.textGo, go),
      made("label", { className: "form-check keys-help__switch" }, box, made("span", { className: "form-check-label", textContent: words.textSwitch })),
      form,
    );
    dialog.setAttribute("aria-labelledby", title.id);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    form.querySelector("button").focus();
  }

  // ------------------------------------------------------------------------------ pressed

  const isTyping = (target) => {
    if (!(target instanceof Element)) return false;
    if (target.matches("input[type=checkbox], input[type=radio], input[type=submit], input[type=button]")) return false;
    return target.isContentEditable || target.matches("input, textarea, select") || Boolean(target.closest(".ts-wrapper"));
  };

  let goesUntil = 0;
  document.addEventListener("keydown", (event) => {
    if (!isOn || event.defaultPrevented || event.isComposing) return;
    if (event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]") || event.target.closest?.("details[data-menu][open] .menu-panel")) return;
    if (event.repeat && !["j", "k"].includes(event.key)) return;
    const goes = Date.now() < goesUntil;
    goesUntil = 0;
    const goal = goes && goals().find((one) => one.key === event.key);
    // Enter is the browser's own: what has the focus is opened.
    const entry = goal || (event.key.length === 1 && table().get(event.key));
    if (entry) {
      event.preventDefault();
      entry.act();
    } else if (event.key === "g" && goals().length) goesUntil = Date.now() + 1500;
  });

  // Out of a field, so that keys are keys again; a select closes its list first.
  document.addEventListener("keydown", (event) => {
    const field = event.target;
    if (event.key !== "Escape" || !isTyping(field) || field.matches("select")) return;
    if (!field.closest("dialog, details[data-menu]")) field.blur();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-keys-help]")) showHelp();
  });

  // Whoever hears a page hears the keys too.
  const describe = () => {
    all("[data-key]").forEach((element) => {
      if (isOn) element.setAttribute("aria-keyshortcuts", element.dataset.key);
      else element.removeAttribute("aria-keyshortcuts");
    });
  };
  document.addEventListener("htmx:after:swap", describe);

  // ------------------------------------------------------- where one was in the list before

  document.addEventListener("DOMContentLoaded", () => {
    describe();
    const links = rowLinks();
    if (!links.length) {
      keep(sessionStorage, "keys-row", identity(location.href));
      return;
    }
    const last = keep(sessionStorage, "keys-row");
    const came = document.referrer && new URL(document.referrer).origin === location.origin ? identity(document.referrer) : "";
    const link = links.find((one) => identity(one.href) === last);
    if (isOn && link && came === last && !location.hash) stand(link);
  });
  // A page that the browser had kept comes back as it was, and so does its focus.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.(".list-table .cell-main a[href]");
    if (link) keep(sessionStorage, "keys-row", identity(link.href));
  });
})();
