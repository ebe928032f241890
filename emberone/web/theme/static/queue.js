// The queue: choosing rows for the bar above them. The page works without it.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const bar = document.querySelector("[data-bulk]");
  if (!bar) return;
  const boxes = () => all("[data-rows] [name=chosen]");
  const most = Number(bar.dataset.most);
  // The script asks before it closes anything; without it a page does.
  bar.querySelector("[data-sure]").value = "1";

  const show = () => {
    const count = boxes().filter((box) => box.checked).length;
    const closing = bar.querySelector("[data-bulk-close]");
    const text = bar.dataset.textChosen.replace("{count}", count);
    bar.classList.toggle("is-on", count > 0);
    bar.querySelector("[data-bulk-count]").textContent = count > most ? `${text} – ${bar.dataset.textMany}` : text;
    closing.dataset.confirm = bar.dataset.textClose.replace("{count}", count);
    all("button[name=act]", bar).forEach((button) => (button.disabled = count > most));
  };

  // From the box that was ticked last to the one that is ticked with Shift, all the same way.
  let last = null;
  document.addEventListener("click", (event) => {
    const box = event.target.closest("[data-rows] [name=chosen]");
    if (box) {
      const list = boxes();
      const from = list.indexOf(last);
      const to = list.indexOf(box);
      if (event.shiftKey && from >= 0) {
        list.slice(Math.min(from, to), Math.max(from, to) + 1).forEach((other) => (other.checked = box.checked));
        getSelection().removeAllRanges();
      }
      last = box;
    }
    if (event.target.closest("[data-bulk-clear]")) choose([]);
  });

  const choose = (chosen) => {
    boxes().forEach((box) => (box.checked = chosen.includes(box)));
    boxes()[0]?.dispatchEvent(new Event("change", { bubbles: true }));
    boxes()[0]?.focus({ preventScroll: true });
  };

  document.addEventListener("change", (event) => {
    if (event.target.matches("[name=chosen], [data-select-all=chosen]")) show();
  });
  // Enter in the tag's field means its first button.
  bar.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.id === "bulk-tag") {
      event.preventDefault();
      bar.querySelector("[name=act][value=tag]").click();
    }
  });
  // A page that one comes back to may have kept its ticks.
  addEventListener("pageshow", show);
  show();
})();
