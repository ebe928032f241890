// The macros of the reply box: found by typing, filled in where the caret is.
// Without it a plain select does the same with a reload; the server fills the text in either way.
(() => {
  const part = document.querySelector("[data-macros]");
  const form = part?.closest("form");
  if (!form) return;
  const words = part.dataset;
  const opener = part.querySelector("[data-macros-open]");
  const menu = part.querySelector(".macros__menu");
  const find = part.querySelector("#macros-find");
  const none = part.querySelector("[data-macros-none]");
  const options = [...part.querySelectorAll("[role=option]")];
  const box = form.querySelector("textarea");
  const chips = form.querySelector("[data-changes]");
  const noneText = none.textContent;
  let active = null;

  // A text that stands there already is gone on with, not begun anew.
  if (document.activeElement !== box) box.setSelectionRange(box.value.length, box.value.length);

  const say = (text) => {
    const place = document.querySelector("[data-announce]");
    if (place) place.textContent = text;
  };

  // ------------------------------------------------------------------------------ the menu

  const shown = () => options.filter((option) => !option.hidden);

  const point = (option) => {
    active?.setAttribute("aria-selected", "false");
    active = option || null;
    if (active) {
      active.setAttribute("aria-selected", "true");
      active.scrollIntoView({ block: "nearest" });
      find.setAttribute("aria-activedescendant", active.id);
    } else find.removeAttribute("aria-activedescendant");
  };

  const filter = () => {
    const wanted = find.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const rank = (option) => {
      const name = option.dataset.name.toLocaleLowerCase();
      return wanted.every((word) => name.includes(word)) ? 0 : 1;
    };
    options.forEach((option) => {
      const text = option.textContent.toLocaleLowerCase();
      option.hidden = !wanted.every((word) => text.includes(word));
    });
    // What is so called comes before what only says so.
    const found = shown().sort((one, other) => rank(one) - rank(other));
    found.forEach((option) => option.parentElement.append(option));
    none.textContent = noneText;
    none.hidden = found.length > 0;
    point(found[0]);
  };

  const open = () => {
    menu.hidden = false;
    opener.setAttribute("aria-expanded", "true");
    find.value = "";
    options.forEach((option) => option.parentElement.append(option));
    filter();
    find.focus();
  };

  const close = (focus) => {
    if (menu.hidden) return;
    menu.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    focus?.focus();
  };

  opener.addEventListener("click", () => (menu.hidden ? open() : close(opener)));
  find.addEventListener("input", filter);

  part.addEventListener("keydown", (event) => {
    if (menu.hidden) return;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      close(box);
      return;
    }
    if (event.target !== find) return;
    const all = shown();
    const at = all.indexOf(active);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && all.length) {
      event.preventDefault();
      point(all[(at + step + all.length) % all.length]);
    }
    if (event.key === "Enter") {
      // Or the browser would send the reply.
      event.preventDefault();
      if (active && !event.isComposing) use(active);
    }
  });

  part.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) use(option);
  });
  part.addEventListener("pointermove", (event) => {
    const option = event.target.closest("[role=option]");
    if (option && option !== active) point(option);
  });
  document.addEventListener("click", (event) => {
    if (!part.contains(event.target)) close();
  });
  part.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !part.contains(event.relatedTarget)) close();
  });

  // -------------------------------------------------------------------------- filling it in

  const ask = async (name, value) => {
    const body = new FormData();
    chips.querySelectorAll("input").forEach((field) => body.append(field.name, field.value));
    body.append("csrf_token", form.querySelector("[name=csrf_token]").value);
    body.append(name, value);
    const headers = { Accept: "application/json" };
    const answer = await fetch(words.fillUrl, { method: "POST", body, headers, redirect: "manual" }).catch(() => null);
    return answer?.ok ? answer.json() : null;
  };

  const use = async (option) => {
    if (menu.hasAttribute("aria-busy")) return;
    menu.setAttribute("aria-busy", "true");
    const filled = await ask("macro", option.dataset.macro);
    menu.removeAttribute("aria-busy");
    if (!filled) {
      none.textContent = words.textLost;
      none.hidden = false;
      return;
    }
    close(box);
    insert(filled.text);
    chips.innerHTML = filled.changes;
    if (filled.verb) prefer(filled.verb);
    box.dispatchEvent(new Event("input", { bubbles: true }));
    const also = chips.textContent.replace(/\s+/g, " ").trim();
    say(`${words.textFilled.replace("{name}", option.dataset.name)} ${also}`);
  };

  // Beside what is typed: words that would stick together get a blank line between them.
  const insert = (text) => {
    if (!text) return;
    const caret = box.selectionEnd;
    box.setSelectionRange(caret, caret);
    const before = box.value.slice(0, caret);
    const after = box.value.slice(caret);
    const whole = (/\S$/.test(before) ? "\n\n" : "") + text + (/^\S/.test(after) ? "\n\n" : "");
    // So that the browser can undo it, where it can.
    if (!document.execCommand("insertText", false, whole)) box.setRangeText(whole, caret, caret, "end");
  };

  // ------------------------------------------------------------------- what sending changes

  chips.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-drop]");
    if (!button) return;
    event.preventDefault();
    const at = [...chips.querySelectorAll("[data-drop]")].indexOf(button);
    button.closest(".chip").remove();
    const left = [...chips.querySelectorAll("[data-drop]")];
    if (!left.length) chips.replaceChildren();
    (left[Math.min(at, left.length - 1)] || box).focus();
    say(words.textOff);
    box.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // ------------------------------------------------------------------- which button is first

  let wish = form.querySelector("[data-send]")?.value;

  const prefer = (verb) => {
    const first = form.querySelector("[data-send]");
    const item = form.querySelector(`[data-verbs] .menu-item[value="${CSS.escape(verb)}"]`);
    if (!first || !item) return;
    wish = verb;
    first.value = verb;
    first.querySelector("span").textContent = item.querySelector("span").firstChild.textContent;
    first.querySelector("use").setAttribute("href", item.querySelector("use").getAttribute("href"));
  };

  // The page draws the buttons anew when the ticket's status changes.
  document.addEventListener("htmx:after:swap", (event) => {
    if (event.target.dataset?.live === "verbs" && wish) prefer(wish);
  });
})();
