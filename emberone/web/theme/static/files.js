// Fields for files: what was chosen, taking one away again, and refusing at once what the
// server would refuse, so that nothing typed is sent in vain.
(() => {
  if (window.fileFields) return;
  window.fileFields = true;
  const MB = 1024 * 1024;

  const fieldIn = (element) => element.closest?.("form")?.querySelector("[data-file-field]");

  const size = (bytes) =>
    bytes >= MB ? `${(bytes / MB).toFixed(1)} MB` : bytes >= 1024 ? `${(bytes / 1024).toFixed(1)} KB` : `${bytes} B`;

  const complaint = (field, files) => {
    const words = field.dataset;
    const large = files.find((file) => file.size > words.limitMb * MB);
    if (large) return `${large.name} ${words.textLarge}`;
    if (files.length > Number(words.most)) return words.textMany;
    const total = files.reduce((sum, file) => sum + file.size, 0);
    return total > words.totalMb * MB ? words.textTotal : "";
  };

  const keep = (field, files) => {
    const chosen = new DataTransfer();
    files.forEach((file) => chosen.items.add(file));
    field.files = chosen.files;
    show(field);
  };

  const show = (field) => {
    const files = [...field.files];
    const list = document.getElementById(`${field.id}-names`);
    list.hidden = files.length === 0;
    list.replaceChildren(
      ...files.map((file) => {
        const item = document.createElement("li");
        const name = document.createElement("bdi");
        const button = document.createElement("button");
        name.textContent = `${file.name} (${size(file.size)})`;
        Object.assign(button, { type: "button", className: "btn btn-sm btn-link", textContent: field.dataset.textRemove });
        button.setAttribute("aria-label", `${field.dataset.textRemove}: ${file.name}`);
        button.addEventListener("click", () => {
          keep(field, [...field.files].filter((other) => other !== file));
          field.focus();
        });
        item.append(name, button);
        return item;
      }),
    );
    field.setCustomValidity(complaint(field, files));
    if (!field.validity.valid) field.reportValidity();
  };

  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-file-field]")) show(event.target);
  });

  // Pasting a picture into the text, or dropping files anywhere on the form, adds them.
  const add = (event, given) => {
    const field = fieldIn(event.target);
    if (!field || event.target === field || !given?.files.length) return;
    event.preventDefault();
    keep(field, [...field.files, ...given.files]);
  };
  document.addEventListener("paste", (event) => add(event, event.clipboardData));
  document.addEventListener("drop", (event) => add(event, event.dataTransfer));
  document.addEventListener("dragover", (event) => {
    const isOver = fieldIn(event.target) && event.target !== fieldIn(event.target);
    if (isOver && event.dataTransfer.types.includes("Files")) event.preventDefault();
  });
})();
