// Names for a note: typing @ offers colleagues; arrows, Enter and Escape as in any list.
// Without it one types the name; the server finds it either way.
(() => {
  const part = document.querySelector("[data-mentions]");
  const box = part && document.getElementById(part.dataset.mentions);
  if (!box) return;
  const list = part.querySelector("[role=listbox]");
  const count = part.querySelector("[data-mentions-count]");
  // The sign at the beginning of a word, and what was typed of the name: two words at most.
  const TYPED = /(^|[^\p{L}\p{N}_@/.+-])@([\p{L}\p{N}'’.-]*(?: [\p{L}\p{N}'’.-]*)?)$/u;
  let asked = 0;
  let timer = 0;

  // Only notes name colleagues: customers do not know them.
  const isNote = () => {
    const kind = box.form.querySelector("input[name=kind]:checked");
    return !kind || kind.value === "note";
  };
  const typed = () => (isNote() && box.selectionStart === box.selectionEnd ? TYPED.exec(box.value.slice(0, box.selectionStart)) : null);
  const options = () => [...list.children];
  const active = () => options().find((option) => option.getAttribute("aria-selected") === "true");

  const close = () => {
    asked += 1;
    clearTimeout(timer);
    list.hidden = true;
    count.textContent = "";
    box.removeAttribute("aria-activedescendant");
    box.removeAttribute("aria-controls");
  };

  const point = (option) => {
    options().forEach((one) => one.setAttribute("aria-selected", String(one === option)));
    option.scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", option.id);
  };

  const show = (names) => {
    if (!names.length) {
      close();
      return;
    }
    list.replaceChildren(
      ...names.map((name, n) => {
        const option = Object.assign(document.createElement("div"), { id: `${list.id}-${n}`, className: "mentions__option", textContent: name });
        option.setAttribute("role", "option");
        return option;
      }),
    );
    list.hidden = false;
    box.setAttribute("aria-controls", list.id);
    count.textContent = part.dataset.textCount.replace("{count}", names.length);
    point(list.firstElementChild);
  };

  const ask = async (words) => {
    asked += 1;
    const mine = asked;
    const url = new URL(part.dataset.url, location.href);
    url.searchParams.set("query", words);
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" }, redirect: "manual" });
      const rows = answer.ok ? await answer.json() : [];
      // Somebody who types on has asked anew.
      if (mine === asked && typed()) show(rows.map(([, name]) => name));
    } catch {
      if (mine === asked) close();
    }
  };

  const put = (name) => {
    const found = typed();
    if (!found) return;
    const end = box.selectionStart;
    const start = end - found[2].length - 1;
    box.setRangeText(`@${name} `, start, end, "end");
    close();
    box.focus();
    box.dispatchEvent(new Event("input", { bubbles: true }));
  };

  box.addEventListener("input", () => {
    const found = typed();
    clearTimeout(timer);
    if (!found || found[2].endsWith(" ")) close();
    else timer = setTimeout(ask, 120, found[2]);
  });

  // Before the box's own keys, which send or leave it.
  box.addEventListener(
    "keydown",
    (event) => {
      if (list.hidden || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      const all = options();
      const at = all.indexOf(active());
      const acts = {
        ArrowDown: () => point(all[(at + 1) % all.length]),
        ArrowUp: () => point(all[(at - 1 + all.length) % all.length]),
        Enter: () => put(all[at].textContent),
        Tab: () => put(all[at].textContent),
        Escape: close,
      };
      if (!acts[event.key] || (event.shiftKey && event.key !== "Tab")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      acts[event.key]();
    },
    true,
  );
  list.addEventListener("pointerdown", (event) => {
    const option = event.target.closest("[role=option]");
    event.preventDefault();
    if (option) put(option.textContent);
  });
  box.addEventListener("blur", close);
  box.form.addEventListener("change", () => isNote() || close());
})();
