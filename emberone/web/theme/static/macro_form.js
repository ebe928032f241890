// The form of a macro: puts places into the text, and shows as one types how it reads.
(() => {
  const form = document.querySelector("[data-preview-url]");
  if (!form) return;
  const box = form.querySelector("#content");
  const preview = form.querySelector("[data-preview]");
  let timer = 0;
  let asked = 0;

  const show = async () => {
    const number = (asked += 1);
    const body = new FormData();
    body.append("content", box.value);
    body.append("csrf_token", form.querySelector("[name=csrf_token]").value);
    const answer = await fetch(form.dataset.previewUrl, { method: "POST", body, redirect: "manual" }).catch(() => null);
    // Only the answer to what stands there now.
    if (answer?.ok && number === asked) preview.innerHTML = await answer.text();
  };

  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, 300);
  });

  form.addEventListener("click", (event) => {
    const place = event.target.closest("[data-place]")?.dataset.place;
    if (!place) return;
    box.focus();
    box.setRangeText(place, box.selectionStart, box.selectionEnd, "end");
    box.dispatchEvent(new Event("input", { bubbles: true }));
  });
})();
