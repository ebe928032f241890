// Makes pages nicer to use; every page works without this file.
// What an element wants is written on it: data-confirm, data-dismiss, data-menu,
// data-select-all, data-toggle-open, data-scheme-switch, data-filter-rows,
// data-typeahead-url, data-tags, data-chooses, data-add-inline, data-remove-inline, data-editable.
(() => {
  const settings = document.currentScript.dataset;
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Question before something that cannot be taken back.
  const ask = (question) =>
    new Promise((resolve) => {
      const dialog = document.createElement("dialog");
      const text = document.createElement("p");
      const buttons = document.createElement("form");
      dialog.className = "confirm-dialog";
      dialog.setAttribute("aria-label", settings.textConfirm);
      buttons.method = "dialog";
      buttons.className = "btn-list";
      text.textContent = question;
      for (const [value, label, look] of [
        ["no", settings.textCancel, "btn"],
        ["yes", settings.textConfirm, "btn btn-primary"],
      ]) {
        const button = document.createElement("button");
        Object.assign(button, { value, textContent: label, className: look });
        buttons.append(button);
      }
      dialog.append(text, buttons);
      dialog.addEventListener("close", () => {
        dialog.remove();
        resolve(dialog.returnValue === "yes");
      });
      document.body.append(dialog);
      dialog.showModal();
    });

  const confirmed = new WeakSet();

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const button = event.submitter;
    const question = button?.dataset.confirm || form.dataset.confirm;
    if (question && !confirmed.has(form)) {
      event.preventDefault();
      closeMenus();
      if (!(await ask(question))) return;
      confirmed.add(form);
      form.requestSubmit(button);
      confirmed.delete(form);
      return;
    }
    if (form.hasAttribute("data-editable")) {
      event.preventDefault();
      await saveCell(form);
    }
  });

  const saveCell = async (form) => {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
    if (answer.ok) {
      location.reload();
      return;
    }
    const field = form.querySelector(".form-control, .form-select");
    field?.setCustomValidity(await answer.text());
    field?.reportValidity();
    field?.addEventListener("input", () => field.setCustomValidity(""), { once: true });
  };

  const closeMenus = (except) =>
    all("details[data-menu][open], details.editable-cell[open]").forEach((menu) => {
      if (menu !== except) menu.open = false;
    });

  document.addEventListener("click", (event) => {
    const at = (selector) => event.target.closest(selector);
    closeMenus(at("details[data-menu], details.editable-cell"));
    if (at("[data-scheme-switch]")) window.switchScheme();
    at("[data-dismiss]")?.closest(".notice")?.remove();
    const opener = at("[data-toggle-open]");
    if (opener) {
      const open = document.getElementById(opener.dataset.toggleOpen).classList.toggle("is-open");
      opener.setAttribute("aria-expanded", String(open));
    }
    if (at("[data-remove-inline]")) at(".inline-field").remove();
    const adder = at("[data-add-inline]");
    if (adder) addInline(adder);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = event.target.closest?.("details[open]");
    if (menu?.matches("[data-menu], .editable-cell")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // Inside an open menu the arrows go from entry to entry; leaving it closes it.
  const entriesOf = (menu) =>
    all(".menu-panel :is(a[href], button, input:not([type=hidden]), select, textarea, summary)", menu).filter((entry) => entry.getClientRects().length && !entry.disabled);

  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("details[data-menu]");
    const by = { ArrowDown: 1, ArrowUp: -1, Home: "first", End: "last" }[event.key];
    if (!menu || !by || event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select, textarea, .ts-wrapper")) return;
    if (!menu.open && (!event.target.matches("summary") || typeof by === "string")) return;
    event.preventDefault();
    menu.open = true;
    const entries = entriesOf(menu);
    const at = entries.indexOf(event.target);
    const last = entries.length - 1;
    if (by === "first") entries[0]?.focus();
    else if (by === "last" || (at < 0 && by < 0)) entries[last]?.focus();
    else entries[(at + by + entries.length) % entries.length]?.focus();
  });

  document.addEventListener("focusout", (event) => {
    const menu = event.target.closest?.("details[data-menu][open]");
    if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
  });

  // Whoever fills in what belongs to one choice has made it.
  document.addEventListener("change", (event) => {
    const choice = event.target.closest("[data-chooses]")?.dataset.chooses;
    if (choice && event.target.value) document.getElementById(choice).checked = true;
  });

  document.addEventListener("change", (event) => {
    const master = event.target.closest("[data-select-all]");
    const name = master ? master.dataset.selectAll : event.target.name;
    if (!name) return;
    const boxes = all(`input[type=checkbox][name="${CSS.escape(name)}"]`);
    if (master) boxes.forEach((box) => (box.checked = master.checked));
    const chosen = boxes.filter((box) => box.checked).length;
    all(`[data-select-all="${CSS.escape(name)}"]`).forEach((box) => {
      box.checked = chosen > 0 && chosen === boxes.length;
      box.indeterminate = chosen > 0 && chosen < boxes.length;
    });
    all(`[data-selected-count="${CSS.escape(name)}"]`).forEach((label) => {
      label.textContent = chosen ? String(chosen) : "";
    });
  });

  document.addEventListener("input", (event) => {
    const filter = event.target.closest("[data-filter-rows]");
    if (!filter) return;
    const words = filter.value.toLowerCase();
    all(`#${CSS.escape(filter.dataset.filterRows)} [data-row]`).forEach((row) => {
      row.hidden = !row.textContent.toLowerCase().includes(words);
    });
  });

  // A new part of a form: a copy of its template with the next free number.
  const addInline = (button) => {
    const id = button.dataset.addInline;
    const box = document.getElementById(id);
    const list = box.querySelector(":scope > .inline-field-list");
    const used = [...list.children].map((part) => Number(part.id.slice(id.length + 1)) || 0);
    const prefix = `${id}-${used.length ? Math.max(...used) + 1 : 0}`;
    const part = box.querySelector(":scope > template").content.firstElementChild.cloneNode(true);
    part.id = prefix;
    const rename = (root) => {
      all("[id], [name], [for], [aria-describedby]", root).forEach((element) => {
        for (const attribute of ["id", "name", "for", "aria-describedby"]) {
          const value = element.getAttribute(attribute);
          if (value !== null) element.setAttribute(attribute, value && value[0] !== "-" ? `${prefix}-${value}` : prefix + value);
        }
      });
      all("template", root).forEach((inner) => rename(inner.content));
    };
    rename(part);
    list.append(part);
    enhance(part);
    part.querySelector("input:not([type=hidden]), select, textarea")?.focus();
  };

  // Fields with a search on the server, and tags; the library comes only when one is there.
  let library;
  const loadLibrary = () => {
    library ??= new Promise((resolve, reject) => {
      const style = Object.assign(document.createElement("link"), {
        rel: "stylesheet",
        href: settings.typeaheadStyle,
      });
      const script = Object.assign(document.createElement("script"), {
        src: settings.typeaheadScript,
        onload: resolve,
        onerror: reject,
      });
      // First of all style sheets, so that the theme has the last word.
      document.head.prepend(style);
      document.head.append(script);
    });
    return library;
  };

  // As the library has it, but for people who type fast: it hears keys from the moment it has
  // the focus, and what Enter or Tab takes belongs to what is typed, not to what was before.
  let Searched;
  const searchedClass = () => {
    Searched ??= class extends TomSelect {
      focus() {
        if (this.isDisabled || this.isReadOnly) return;
        (this.control_input.offsetWidth ? this.control_input : this.focus_node).focus();
        this.onFocus();
      }
      onKeyDown(event) {
        const typed = this.inputValue();
        this.takesFirst = event.key === "Enter" && Boolean(this.settings.load) && this.isOpen && typed !== "" && typed !== this.answered;
        if (this.takesFirst) event.preventDefault();
        else if (event.key === "Tab" && typed && !event.shiftKey && this.canSelect(this.activeOption)) this.onOptionSelect(event, this.activeOption);
        else super.onKeyDown(event);
      }
      hasAnswer(query) {
        this.answered = query;
        if (!this.takesFirst || query !== this.inputValue()) return;
        this.takesFirst = false;
        if (this.canSelect(this.activeOption)) this.onOptionSelect({}, this.activeOption);
      }
    };
    return Searched;
  };

  // The library points the label at its own input; the field keeps its name.
  const keepName = (field) => {
    const name = field.labels[0]?.textContent || field.getAttribute("aria-label");
    if (name) field.setAttribute("aria-label", name);
  };

  const enhance = async (root) => {
    const searched = all("select[data-typeahead-url], select[data-search]", root);
    const tagged = all("input[data-tags]", root);
    if (!searched.length && !tagged.length) return;
    await loadLibrary();
    const words = { render: { no_results: () => Object.assign(document.createElement("div"), { className: "no-results", textContent: settings.textNone }) } };
    const removable = { remove_button: { title: settings.textRemove } };
    searched.forEach((select) => {
      const url = select.dataset.typeaheadUrl;
      // The server has searched already: everything it answers is shown.
      const remote = url && {
        score: () => () => 1,
        load(query, done) {
          const address = new URL(url, location.href);
          address.searchParams.set("query", query);
          fetch(address, { headers: { Accept: "application/json" } })
            .then((answer) => (answer.ok ? answer.json() : []))
            .then((rows) => {
              this.clearOptions();
              done(rows.map(([value, text]) => ({ value, text })));
              this.hasAnswer(query);
            })
            .catch(() => done());
        },
      };
      keepName(select);
      // Whoever was quicker than the library goes on in what it puts there.
      const isHere = select === document.activeElement;
      const field = new (searchedClass())(select, { ...words, ...remote, maxOptions: 50, refreshThrottle: 0, plugins: select.multiple ? removable : {} });
      if (isHere) field.focus();
    });
    tagged.forEach((field) => {
      keepName(field);
      new TomSelect(field, { ...words, create: true, persist: false, plugins: removable });
    });
  };

  // Times are worded in the zone that the browser is in, from the next page on.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `zone=${zone}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;

  // Whoever was refused goes on in the first field that is wrong.
  addEventListener("DOMContentLoaded", () => {
    document.querySelector("main :is(input, textarea, select)[aria-invalid=true]:not([type=hidden], [type=radio], [type=checkbox], [data-search], [data-typeahead-url])")?.focus();
    enhance(document);
  });
  document.addEventListener("htmx:after:swap", (event) => enhance(event.target));
})();
