// Looks again at the demo's card while something of it is still to come, and folds it where
// there is little room or somebody has folded it. The page works without it: a reload shows the same.
(() => {
  const PAUSE = 4000;
  const KEY = "demo-card";
  const kept = {
    read() {
      try {
        return localStorage.getItem(KEY);
      } catch {
        return null;
      }
    },
    write(choice) {
      try {
        localStorage.setItem(KEY, choice);
      } catch {
        // Then it is folded for this page only.
      }
    },
  };

  const settle = () => {
    const fold = document.querySelector("[data-demo-fold]");
    if (!fold) return;
    const choice = kept.read() || (matchMedia("(max-width: 767.98px)").matches ? "folded" : "");
    if (choice === "folded") fold.open = false;
    fold.classList.add("is-settled");
  };

  document.addEventListener("click", (event) => {
    const fold = event.target.closest("[data-demo-fold] > summary")?.parentElement;
    if (fold) kept.write(fold.open ? "folded" : "open");
  });

  const look = async () => {
    const card = document.querySelector("[data-demo-url]");
    if (!card || "demoOver" in card.dataset) return;
    try {
      if (!document.hidden && !card.contains(document.activeElement)) {
        const answer = await fetch(card.dataset.demoUrl, { redirect: "manual", cache: "no-store" });
        // Signed out, or dismissed in another window.
        if (!answer.ok) return;
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        const next = fresh.querySelector("[data-demo-url]");
        if (next && next.textContent !== card.textContent) {
          const isOpen = card.querySelector("[data-demo-fold]").open;
          card.replaceWith(next);
          const fold = next.querySelector("[data-demo-fold]");
          fold.open = isOpen;
          fold.classList.add("is-settled");
        }
      }
    } catch {
      // Away for a moment: the next look tells.
    }
    setTimeout(look, PAUSE);
  };

  settle();
  setTimeout(look, PAUSE);
})();
