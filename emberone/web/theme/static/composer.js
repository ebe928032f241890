// The reply box: switches to a note, sends by keyboard, and keeps what is typed.
// A text is kept on the server; what could not get there yet, in this tab until it can.
(() => {
  const form = document.querySelector("#composer[data-draft-url]");
  if (!form) return;
  const box = form.querySelector("textarea");
  const words = form.dataset;
  const kind = () => form.querySelector("input[name=kind]:checked")?.value || "reply";
  // What sending also changes: see macros.js.
  const chosen = () => [...form.querySelectorAll("[data-changes] input")].map((field) => [field.name, field.value]);
  const present = () => ({ text: box.value, kind: kind(), chosen: JSON.stringify(chosen()) });
  const token = () => form.querySelector("[name=csrf_token]").value;

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
      const onward = form.querySelector("[name=onward]");
      // With Shift one goes on this once, whatever is chosen.
      const once = Object.assign(document.createElement("input"), { type: "hidden", name: "onward", value: "once" });
      if (event.shiftKey && onward && !onward.checked) form.append(once);
      form.requestSubmit(form.querySelector(button));
      once.remove();
    }
  });

  // ----------------------------------------------------------- kept in this tab, for a while

  const key = `draft:${words.draftKey}`;
  const here = {
    read() {
      try {
        return JSON.parse(sessionStorage.getItem(key));
      } catch {
        return null;
      }
    },
    write(more = {}) {
      try {
        sessionStorage.setItem(key, JSON.stringify({ text: box.value, kind: kind(), ...more }));
      } catch {
        // Full or forbidden: then there is only the server.
      }
    },
    forget: () => sessionStorage.removeItem(key),
  };

  // What the server does not have yet: after a crash, without a network, after a form that was lost.
  const restore = () => {
    const left = here.read();
    if (!left) return;
    const wasSent = "sentAt" in left && left.sentAt !== location.hash && /^#(reply|comment)-/.test(location.hash);
    if (wasSent || !left.text.trim() || box.value.includes(left.text)) return here.forget();
    const isContinued = left.text.startsWith(box.value.trimEnd());
    // A note that stands in either of the two makes the whole a note.
    const isNote = left.kind === "note" || (box.value.trim() && kind() === "note");
    form.querySelector(`input[name=kind][value=${isNote ? "note" : "reply"}]`).checked = true;
    box.value = isContinued ? left.text : `${box.value.trimEnd()}\n\n${left.text}`;
    soon();
  };

  // ------------------------------------------------------------------- kept on the server

  const PAUSE = 800;
  const LONGEST = 3000;
  let kept = { ...present(), text: "draftKept" in words ? box.value : "" };
  let timer = 0;
  let firstChange = 0;
  let saving = null;
  let isLeaving = false;

  const say = (text, isWrong = false) => {
    const state = form.querySelector("[data-draft-state]");
    if (state.textContent === text) return;
    state.classList.toggle("is-wrong", isWrong);
    state.setAttribute("role", isWrong ? "alert" : "none");
    state.textContent = text;
  };

  const isKept = () => {
    const { text, kind: mode, chosen: changes } = present();
    return text === kept.text && (!text.trim() || (mode === kept.kind && changes === kept.chosen));
  };

  const soon = () => {
    const now = Date.now();
    firstChange ||= now;
    clearTimeout(timer);
    timer = setTimeout(save, Math.min(PAUSE, Math.max(firstChange + LONGEST - now, 0)));
  };

  const send = async (wanted, options = {}) => {
    const body = new FormData();
    body.append("text", wanted.text);
    body.append("kind", wanted.kind);
    body.append("has_changes", "1");
    JSON.parse(wanted.chosen).forEach(([name, value]) => body.append(name, value));
    body.append("csrf_token", token());
    const headers = { Accept: "application/json" };
    return fetch(words.draftUrl, { method: "POST", body, headers, redirect: "manual", ...options });
  };

  const save = async () => {
    clearTimeout(timer);
    timer = 0;
    if (isLeaving || isKept()) return;
    if (saving) await saving;
    if (isLeaving || isKept()) return;
    firstChange = 0;
    const wanted = present();
    const stop = new AbortController();
    saving = send(wanted, { signal: stop.signal }).then(
      (answer) => took(answer, wanted),
      () => isLeaving || missed(words.textLost),
    );
    saving.stop = () => stop.abort();
    await saving;
    saving = null;
    if (!isKept() && !timer) soon();
  };

  const took = async (answer, wanted) => {
    if (answer.ok) {
      const isDraft = (await answer.json()).kept;
      kept = wanted;
      if (isKept()) here.forget();
      say(isDraft ? words.textKept : "");
    } else if (answer.status === 401 || answer.type === "opaqueredirect") missed(words.textSignedOut);
    else if (answer.status === 422) say((await answer.json()).error.message, true);
    else missed(words.textLost);
  };

  // Tried again by itself; what is typed meanwhile goes with it.
  const missed = (text) => {
    say(text, true);
    clearTimeout(timer);
    timer = setTimeout(save, 5000);
  };

  const changed = () => {
    here.write();
    say("");
    soon();
  };
  box.addEventListener("input", changed);
  form.addEventListener("change", (event) => {
    if (event.target.name === "kind" && box.value.trim()) changed();
  });
  addEventListener("online", () => save());

  // ------------------------------------------------------------------- leaving the page

  form.addEventListener("submit", (event) => {
    if (isLeaving) return event.preventDefault();
    if (navigator.onLine === false) {
      event.preventDefault();
      return say(words.textOffline, true);
    }
    isLeaving = true;
    clearTimeout(timer);
    saving?.stop();
    here.write({ sentAt: location.hash, from: location.pathname });
  });

  // Back on a page that the browser had kept.
  addEventListener("pageshow", (event) => {
    if (event.persisted) isLeaving = false;
  });

  // Taking a reply back puts it together with what is here: that has to be there first.
  document.addEventListener("submit", async (event) => {
    if (!event.target.matches("[data-keeps-draft]") || event.defaultPrevented || isKept()) return;
    event.preventDefault();
    await Promise.race([save(), new Promise((done) => setTimeout(done, 2000))]);
    if (isKept()) event.target.submit();
  });

  addEventListener("pagehide", () => {
    if (isLeaving || isKept()) return;
    send(present(), { keepalive: true }).catch(() => {});
  });

  // Files that were chosen are not kept; a browser asks before it forgets them.
  addEventListener("beforeunload", (event) => {
    if (!isLeaving && form.querySelector("[data-file-field]")?.files.length) event.preventDefault();
  });

  // ------------------------------------------------------------------ files of the draft

  form.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-remove-file]");
    if (!button) return;
    event.preventDefault();
    const body = new FormData();
    body.append("file", button.value);
    body.append("csrf_token", token());
    const headers = { Accept: "application/json" };
    const answer = await fetch(button.formAction, { method: "POST", body, headers, redirect: "manual" }).catch(() => null);
    if (!answer?.ok) return say(words.textLost, true);
    const list = button.closest("ul");
    button.closest("li").remove();
    if (!list.children.length) list.remove();
    box.focus();
  });

  // A browser that fills the box by itself would hide what the server has.
  box.autocomplete = "off";
  restore();
})();
