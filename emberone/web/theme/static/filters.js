// A list's filters act as soon as one is chosen; without this file their button does it.
(() => {
  const KEY = "filter-field";
  // Arrow keys go through the choices of a closed select, each of them a change: those are
  // waited for, until Enter or until the field is left.
  const GOES_THROUGH = /^(Arrow|Page|Home|End|.$)/;
  let pressed = "";
  let waiting = null;

  const send = (field) => {
    waiting = null;
    try {
      sessionStorage.setItem(KEY, field.id);
    } catch {
      // Then the next page begins at its top.
    }
    field.form.requestSubmit();
  };
  const isFilter = (field) => field.matches?.("form.filter-bar select");

  addEventListener("pointerdown", () => (pressed = ""), true);
  document.addEventListener("keydown", (event) => {
    pressed = event.key;
    if (event.key === "Enter" && waiting === event.target) {
      event.preventDefault();
      send(waiting);
    }
  });
  document.addEventListener("change", (event) => {
    const field = event.target;
    if (!isFilter(field)) return;
    if (GOES_THROUGH.test(pressed) && !field.tomselect) waiting = field;
    else send(field);
  });
  document.addEventListener("focusout", (event) => waiting === event.target && send(waiting));

  // Addresses name what is asked for, and nothing else.
  document.addEventListener("formdata", (event) => {
    if (!event.target.matches("form.filter-bar")) return;
    [...event.formData].forEach(([name, value]) => value === "" && event.formData.delete(name));
  });

  // The page that comes is the same list: one stands where one stood.
  addEventListener("DOMContentLoaded", () => {
    let id = null;
    try {
      id = sessionStorage.getItem(KEY);
      sessionStorage.removeItem(KEY);
    } catch {
      return;
    }
    const field = id && document.querySelector("form.filter-bar")?.querySelector(`#${CSS.escape(id)}`);
    field?.focus({ preventScroll: true });
  });
})();
