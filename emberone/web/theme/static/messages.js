// What became of an action is told over the page, so that nothing on it moves, and goes by
// itself. Without this file, and on public pages, it stands above the content and stays.
(() => {
  const STAYS = 10000;
  const STAYS_WITH_A_WAY_BACK = 20000;

  // What went well goes; what was refused is read first.
  const goesByItself = (message) => message.matches(".notice--success, .notice--info");

  const leave = (message) => {
    const stays = message.querySelector(".notice__undo") ? STAYS_WITH_A_WAY_BACK : STAYS;
    let left = setTimeout(() => message.remove(), stays);
    const wait = () => clearTimeout(left);
    const goOn = () => {
      clearTimeout(left);
      left = setTimeout(() => message.remove(), stays);
    };
    message.addEventListener("pointerenter", wait);
    message.addEventListener("pointerleave", goOn);
    message.addEventListener("focusin", wait);
    message.addEventListener("focusout", goOn);
  };

  addEventListener("DOMContentLoaded", () => {
    const box = document.querySelector(".panel [data-messages]");
    if (!box) return;
    // Screen readers tell what comes into a region that they know already.
    const messages = [...box.children];
    box.replaceChildren();
    box.setAttribute("aria-live", "polite");
    setTimeout(() => {
      box.append(...messages);
      messages.filter(goesByItself).forEach(leave);
      // The keys of the way back are described with the page's others.
      box.dispatchEvent(new CustomEvent("htmx:after:swap", { bubbles: true }));
    }, 60);
  });
  // A text whose sending led on to another page was taken, and is no draft of this tab any more;
  // on its own page the reply box sees to that. What is refused leads nowhere.
  const forgetSent = () => {
    const [way] = performance.getEntriesByType("navigation");
    if (way?.type !== "navigate" || !way.redirectCount || !document.referrer) return;
    const from = new URL(document.referrer).pathname;
    for (const key of Object.keys(sessionStorage).filter((name) => name.startsWith("draft:"))) {
      const text = JSON.parse(sessionStorage.getItem(key));
      if (text?.from === from && from !== location.pathname) sessionStorage.removeItem(key);
    }
  };
  try {
    forgetSent();
  } catch {
    // A browser that keeps nothing has nothing to forget.
  }

  // A page that the browser had kept tells nothing twice.
  addEventListener("pageshow", (event) => event.persisted && document.querySelector(".panel [data-messages]")?.replaceChildren());
})();
