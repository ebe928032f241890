// Brings what is new to a ticket's page while somebody may be writing on it. The page
// works without this file; what is typed is never touched.
(() => {
  addEventListener("DOMContentLoaded", () => {
    const page = document.querySelector("[data-live-url]");
    if (!page) return;
    const news = page.querySelector("[data-live-news]");

    const put = (html) => {
      const fresh = new DOMParser().parseFromString(html, "text/html");
      const before = new Set([...page.querySelectorAll(".message[id]")].map((one) => one.id));
      const status = page.querySelector("[data-status]").dataset.status;
      for (const part of page.querySelectorAll("[data-live]")) {
        const next = fresh.getElementById(part.id);
        if (!next || part.innerHTML === next.innerHTML) continue;
        // A link that has the focus is not taken away under somebody's hands.
        const focused = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
        part.replaceChildren(...next.childNodes);
        Object.assign(part.dataset, next.dataset);
        if (focused) part.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
      }
      for (const one of page.querySelectorAll(".message[id]")) {
        if (!before.has(one.id)) one.classList.add("message--new");
      }
      news.textContent = page.dataset.textNews;
      if (page.querySelector("[data-status]").dataset.status !== status) offerReload();
    };

    // Other states have other buttons: the page is loaded anew unless that would lose words.
    const offerReload = () => {
      const isTyped = [...page.querySelectorAll("textarea, input[type=file]")].some(
        (field) => field.value !== field.defaultValue,
      );
      if (!isTyped) {
        location.reload();
        return;
      }
      const link = document.createElement("a");
      link.href = location.pathname;
      link.target = "_blank";
      link.rel = "noopener";
      link.textContent = page.dataset.textReload;
      say(page.dataset.textNews, link);
    };

    const say = (text, link) => {
      const note = document.createElement("div");
      note.className = "notice notice--warning";
      note.setAttribute("role", "alert");
      note.append(text, " ");
      if (link) note.append(link);
      page.querySelector(".notice--warning[role=alert]")?.remove();
      page.querySelector(".reply-box").before(note);
    };

    keepAsking({
      pace: 8000,
      tag: page.dataset.liveTag,
      address: () => page.dataset.liveUrl,
      take: put,
      say: (text) => text && say(text),
      words: { signedOut: page.dataset.textSignedOut },
    });
  });
})();
