// How an open page hears of others: it asks again and again, says which state it knows, and
// gets what is new, or 304. A page that nobody sees asks nothing; one that gets no answer asks
// less and less often.
//
//   const { ask } = keepAsking({ pace, tag, address, take, … });
//
// pace: milliseconds between two questions. tag: the ETag of what the page shows.
// address(): where to ask. take(html): draws what is new.
// say(text): tells the reader; words: what is told when signed out, and when there is no connection.
// heard(): after every answer that is one.
window.keepAsking = ({ pace, tag, address, take, say, words, heard = () => {} }) => {
  const LONGEST = 30000;
  // So many questions in a row without an answer, and the reader is told.
  const TOLD_AFTER = 3;
  let timer = 0;
  let failures = 0;
  let asking = false;
  let isOver = false;

  // Whether to go on asking.
  const understand = async (answer) => {
    if (answer.type === "opaqueredirect" || answer.status === 401) {
      say(words.signedOut);
      return false;
    }
    // The ticket is gone, or the list's address means nothing any more.
    if (answer.status === 400 || answer.status === 404) return false;
    if (answer.status === 200) {
      const html = await answer.text();
      tag = answer.headers.get("ETag") || tag;
      take(html);
    } else if (answer.status !== 304) throw new Error(String(answer.status));
    return true;
  };

  const ask = async ({ anew = false } = {}) => {
    clearTimeout(timer);
    if (asking || isOver || document.hidden) return;
    asking = true;
    try {
      const headers = { Accept: "text/html" };
      if (!anew) headers["If-None-Match"] = tag;
      isOver = !(await understand(await fetch(address(), { headers, redirect: "manual", cache: "no-store" })));
      if (!isOver) {
        if (failures >= TOLD_AFTER) say("");
        failures = 0;
        heard();
      }
    } catch {
      failures += 1;
      if (failures === TOLD_AFTER && words.offline) say(words.offline);
    } finally {
      asking = false;
    }
    if (!isOver) timer = setTimeout(ask, Math.min(pace * 2 ** Math.min(failures, 4), LONGEST));
  };

  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : ask()));
  addEventListener("online", () => ask());
  // A page that the browser had kept is asked at once.
  addEventListener("pageshow", (event) => event.persisted && ask());
  timer = setTimeout(ask, pace);
  return { ask };
};
