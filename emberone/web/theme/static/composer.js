// The reply box: switches to a note, and sends by keyboard.
(() => {
  const form = document.querySelector("#composer[aria-label]");
  if (!form) return;
  const box = form.querySelector("textarea");
  const kind = () => form.querySelector("input[name=kind]:checked")?.value || "reply";

  // ------------------------------------------------------------------------ reply or note

  form.querySelectorAll(".composer__kind").forEach((label) => {
    label.addEventListener("click", (event) => {
      // The arrow keys go through the choices; a click means to write.
      if (event.target.tagName !== "INPUT") setTimeout(() => box.focus());
    });
  });

  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      box.blur();
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      const button = kind() === "note" ? "[data-send-note]" : "[data-send]";
      form.requestSubmit(form.querySelector(button));
    }
  });
})();
