// Looks again at the demo's card while something of it is still to come. The page works
// without it: a reload shows the same.
(() => {
  const PAUSE = 4000;

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
        if (next && next.textContent !== card.textContent) card.replaceWith(next);
      }
    } catch {
      // Away for a moment: the next look tells.
    }
    setTimeout(look, PAUSE);
  };

  addEventListener("DOMContentLoaded", () => setTimeout(look, PAUSE));
})();
