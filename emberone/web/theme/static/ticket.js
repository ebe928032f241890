// The open page of a ticket: hears of what others do, lets clocks tick.
// The page works without it; every part it exchanges is drawn by the server (ticket_changes.html).
(() => {
  const page = document.querySelector("[data-ticket]");
  if (!page) return;
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const region = (name) => document.querySelector(`[data-live="${name}"]`);
  const scroller = page.querySelector("[data-scroller]");
  const talk = region("talk");
  const say = (text) => {
    page.querySelector("[data-announce]").textContent = text;
  };

  // ------------------------------------------------------------- where one starts to read

  const place = () => {
    if (location.hash && document.querySelector(location.hash)) return;
    if (scroller && getComputedStyle(scroller).overflowY === "visible") {
      talk.lastElementChild?.scrollIntoView({ block: "nearest" });
      if (!matchMedia("(min-width: 992px)").matches && talk.children.length > 1) {
        document.getElementById("composer")?.scrollIntoView({ block: "end" });
      }
    }
  };

  // A reader who stands at the end stays there; everyone else keeps the line they read.
  const holdingStill = (change) => {
    const scrolls = scroller && getComputedStyle(scroller).overflowY !== "visible";
    if (scrolls && Math.abs(scroller.scrollTop) < 40) {
      change();
      scroller.scrollTop = 0;
      return;
    }
    const top = scrolls ? scroller.getBoundingClientRect().top : 0;
    const anchor = talk && [...talk.children].find((part) => part.getBoundingClientRect().bottom > top);
    const before = anchor?.getBoundingClientRect().top;
    change();
    if (!anchor?.isConnected) return;
    const moved = anchor.getBoundingClientRect().top - before;
    if (moved) (scrolls ? scroller : document.scrollingElement).scrollTop += moved;
  };

  // --------------------------------------------------------------- what others have done

  // Tokens differ every time and mean nothing to a reader.
  const plain = (html) => html.replace(/name="csrf_token" value="[^"]*"/g, "");
  const shown = new Map(all("[data-live]").map((part) => [part.dataset.live, plain(part.innerHTML)]));
  const pending = new Map();

  const isBusy = (part) =>
    part.contains(document.activeElement) ||
    part.querySelector("details[data-menu][open], form.is-changed, .ts-wrapper.dropdown-active");

  const exchange = () => {
    pending.forEach((html, name) => {
      const part = region(name);
      if (!part || isBusy(part)) return;
      part.innerHTML = html;
      pending.delete(name);
      // The theme dresses up fields in what is new on the page.
      part.dispatchEvent(new CustomEvent("htmx:after:swap", { bubbles: true }));
    });
  };

  // Comments keep their place in the document, so that nothing which is read or selected moves.
  const merge = (html) => {
    const wanted = document.createElement("div");
    wanted.innerHTML = html;
    const arrived = [];
    const kept = new Set([...wanted.children].map((part) => part.id));
    [...talk.children].forEach((part) => {
      if (!kept.has(part.id)) leave(part);
    });
    let last = null;
    [...wanted.children].forEach((fresh) => {
      const here = fresh.id && document.getElementById(fresh.id);
      let part = here || fresh;
      if (!here) arrived.push(fresh);
      if (here && (here.dataset.version !== fresh.dataset.version || !here.dataset.version) && !isBusy(here)) {
        here.replaceWith(fresh);
        part = fresh;
      }
      const after = last ? last.nextElementSibling : talk.firstElementChild;
      if (part !== after) {
        if (last) last.after(part);
        else talk.prepend(part);
      }
      last = part;
    });
    return arrived;
  };

  const leave = (part) => {
    if (part.contains(document.activeElement)) document.getElementById("composer-text")?.focus();
    part.remove();
  };

  const tell = (arrived) => {
    const comments = arrived.filter((part) => part.matches(".comment[data-author]"));
    comments.forEach((part) => part.classList.add("is-arriving"));
    const others = comments.filter((part) => !part.hasAttribute("data-mine"));
    if (!others.length) return;
    const last = others.at(-1);
    const text = page.dataset.textNew.replace("{name}", last.dataset.author);
    say(text);
    const news = page.querySelector("[data-news]");
    const end = scroller.getBoundingClientRect().bottom;
    if (news && last.getBoundingClientRect().top > Math.min(end, innerHeight) - 20) {
      news.href = `#${last.id}`;
      news.querySelector("span").textContent = text;
      news.hidden = false;
    }
  };

  const take = (html) => {
    const answer = new DOMParser().parseFromString(html, "text/html");
    const facts = answer.querySelector("[data-activity]").dataset;
    skew = Date.parse(facts.now) - Date.now();
    readTo = Number(facts.activity);
    all("[data-live]", answer).forEach((part) => {
      const name = part.dataset.live;
      const text = plain(part.innerHTML);
      if (!region(name) || shown.get(name) === text) return;
      shown.set(name, text);
      if (name === "talk") holdingStill(() => tell(merge(part.innerHTML)));
      else pending.set(name, part.innerHTML);
    });
    holdingStill(exchange);
    tick();
    look();
  };

  // ------------------------------------------------------------------- saying what was seen

  // A page that is open and visible says so, and how far it was read; not at every question.
  const HEARTBEAT = 25000;
  let readTo = Number(page.dataset.readTo);
  let toldTo = -1;
  let toldAt = 0;

  const seen = (values) => {
    const body = new FormData();
    body.append("csrf_token", document.querySelector("[name=csrf_token]").value);
    Object.entries(values).forEach(([name, value]) => body.append(name, value));
    return fetch(page.dataset.seenUrl, { method: "POST", body, redirect: "manual", keepalive: true }).catch(() => {});
  };

  const look = () => {
    if (document.hidden || (readTo <= toldTo && Date.now() - toldAt < HEARTBEAT)) return;
    const news = readTo > toldTo ? { activity: readTo } : {};
    toldTo = Math.max(readTo, toldTo);
    toldAt = Date.now();
    seen(news);
  };

  addEventListener("pagehide", () => seen({ away: 1 }));

  // ------------------------------------------------------------------------------ asking

  const address = () => {
    const url = new URL(page.dataset.changesUrl, location.href);
    if (new URLSearchParams(location.search).has("all") || page.dataset.unfolded) url.searchParams.set("all", "1");
    return url;
  };

  const { ask } = keepAsking({
    pace: 2500,
    tag: `W/"${page.dataset.tag}"`,
    address,
    take: (html) => take(html),
    heard: () => look(),
    say,
    words: { signedOut: page.dataset.textSignedOut, offline: page.dataset.textOffline },
  });

  // ------------------------------------------------------------------------------- clocks

  let skew = Date.parse(page.dataset.now) - Date.now();
  const language = document.documentElement.lang || "en";
  const units = (value, unit) => new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }).format(value);

  const worded = (seconds) => {
    const days = Math.floor(seconds / 86400);
    const hours = Math.floor(seconds / 3600) % 24;
    const minutes = Math.floor(seconds / 60) % 60;
    if (days) return `${units(days, "day")} ${units(hours, "hour")}`;
    if (hours) return `${units(hours, "hour")} ${units(minutes, "minute")}`;
    if (minutes >= 10) return units(minutes, "minute");
    if (!minutes) return units(Math.floor(seconds), "second");
    return `${units(minutes, "minute")} ${units(Math.floor(seconds % 60), "second")}`;
  };

  // The last text of the badge is its words; what is before it is for screen readers.
  const setWords = (clock, words) => {
    const badge = clock.querySelector(".tone") || clock;
    const text = [...badge.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).at(-1);
    if (!text) return;
    const name = text.textContent.includes(": ") ? `${text.textContent.split(": ")[0]}: ` : "";
    const next = name + words;
    if (text.textContent !== next) text.textContent = next;
  };

  const tick = () => {
    const now = Date.now() + skew;
    let isStale = false;
    all("[data-due]").forEach((clock) => {
      const left = (Date.parse(clock.dataset.due) - now) / 1000;
      const words = worded(Math.abs(left));
      setWords(clock, left < 0 ? page.dataset.textLate.replace("{time}", words) : words);
      if (left < 0 && clock.dataset.state !== "breached") {
        clock.dataset.state = "breached";
        isStale = true;
      }
    });
    all("[data-back-at]").forEach((mark) => {
      // The moment is written in whole seconds.
      if (Date.parse(mark.dataset.backAt) + 1000 > now) return;
      mark.removeAttribute("data-back-at");
      isStale = true;
    });
    all("[data-leaves]").forEach((part) => {
      const left = Math.ceil((Date.parse(part.dataset.leaves) - now) / 1000);
      const words = left > 0 ? part.dataset.textLeaves.replace("{time}", worded(left)) : part.dataset.textLeaving;
      if (part.textContent !== words) part.textContent = words;
      const bar = part.closest(".outgoing").querySelector("progress");
      if (bar) bar.value = Math.max(left, 0);
    });
    if (isStale) ask({ anew: true });
  };

  // --------------------------------------------------------------------------- the rest

  page.addEventListener("click", async (event) => {
    const news = event.target.closest("[data-news]");
    if (news) news.hidden = true;
    const unfold = event.target.closest("[data-unfold]");
    if (!unfold) return;
    event.preventDefault();
    page.dataset.unfolded = "1";
    await ask({ anew: true });
    document.getElementById("request")?.scrollIntoView({ block: "nearest" });
  });

  // The save button of the properties is there once there is something to save.
  document.addEventListener("change", (event) => event.target.closest(".side-form")?.classList.add("is-changed"));
  document.addEventListener("input", (event) => event.target.closest(".side-form")?.classList.add("is-changed"));
  document.addEventListener("reset", (event) => {
    const form = event.target.closest(".side-form");
    if (!form) return;
    setTimeout(() => {
      form.classList.remove("is-changed");
      all("select, input", form).forEach((field) => field.tomselect?.sync());
    });
  });

  scroller?.addEventListener("scroll", () => {
    if (Math.abs(scroller.scrollTop) < 40) page.querySelector("[data-news]").hidden = true;
  });
  document.addEventListener("focusout", () => setTimeout(() => holdingStill(exchange)));
  place();
  tick();
  look();
  setInterval(tick, 1000);
})();
