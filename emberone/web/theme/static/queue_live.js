// The open list hears of what others do: counts and rows change where they stand, and no row
// moves under who reads. What is new is said, and shown when it is asked for.
(() => {
  const page = document.querySelector("[data-queue]");
  if (!page) return;
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const rowsOf = (root) => all("[data-rows] > tr", root);
  const news = page.querySelector("[data-news]");
  const words = page.dataset;

  // ----------------------------------------------------------------- what others have done

  const count = (answer) => {
    const here = new Map(all(".view-tabs__link").map((link) => [link.getAttribute("href"), link]));
    all(".view-tabs__link", answer).forEach((fresh) => {
      const old = here.get(fresh.getAttribute("href"))?.querySelector(".view-tabs__count");
      const text = fresh.querySelector(".view-tabs__count")?.textContent;
      if (old && text !== undefined && old.textContent !== text) old.textContent = text;
    });
    const heading = document.querySelector(".page-head__subtitle");
    const text = answer.querySelector("[data-heading]").dataset.heading;
    if (heading && heading.textContent !== text) heading.textContent = text;
  };

  // A row that is ticked keeps what it was ticked with: what somebody did meanwhile is then
  // refused by the server rather than overwritten.
  const retick = (old, fresh) => {
    const box = old.querySelector("[name=chosen]");
    if (!box.checked) box.value = fresh.querySelector("[name=chosen]").value;
  };

  const renew = (row, fresh) => {
    row.className = fresh.className;
    [...fresh.cells].forEach((cell, n) => {
      const old = row.cells[n];
      if (old.matches(".list-table__check")) {
        retick(old, cell);
        return;
      }
      if (old.title !== cell.title) old.title = cell.title;
      if (old.innerHTML === cell.innerHTML) return;
      const hadFocus = old.contains(document.activeElement);
      old.innerHTML = cell.innerHTML;
      if (hadFocus) old.querySelector("a")?.focus({ preventScroll: true });
    });
  };

  const leave = (row) => {
    if (row.classList.contains("is-gone")) return;
    row.classList.add("is-gone");
    const said = Object.assign(document.createElement("span"), { className: "visually-hidden", textContent: `${words.textGone} ` });
    row.querySelector(".cell-main").prepend(said);
  };

  let latest = [];
  const merge = (answer) => {
    latest = rowsOf(answer);
    const fresh = new Map(latest.map((row) => [row.id, row]));
    const here = rowsOf(page);
    here.forEach((row) => fresh.has(row.id) && renew(row, fresh.get(row.id)));
    const known = new Set(here.map((row) => row.id));
    const added = latest.filter((row) => !known.has(row.id));
    // What new tickets have pushed off the page's end is still in the list.
    let pushed = added.length;
    [...here].reverse().forEach((row) => {
      if (fresh.has(row.id)) pushed = 0;
      else if (pushed > 0) pushed -= 1;
      else leave(row);
    });
    tell(added.length);
  };

  const tell = (number) => {
    const text = number === 1 ? words.textOne : words.textMany.replace("{count}", number);
    const button = news.querySelector("button");
    if (!number) news.replaceChildren();
    else if (button) button.textContent = text;
    else news.append(Object.assign(document.createElement("button"), { type: "button", textContent: text }));
  };

  const say = (text) => news.replaceChildren(...(text ? [Object.assign(document.createElement("p"), { textContent: text })] : []));

  news.addEventListener("click", (event) => {
    if (!event.target.closest("button")) return;
    const body = page.querySelector("[data-rows]");
    if (!body) {
      location.reload();
      return;
    }
    const here = new Map(rowsOf(page).map((row) => [row.id, row]));
    const rows = latest.map((row) => here.get(row.id) || document.importNode(row, true));
    const first = rows.find((row) => !here.has(row.id));
    rows.filter((row) => !here.has(row.id)).forEach((row) => row.classList.add("is-arriving"));
    // Whoever was ticked stays ticked, even where it has left the list.
    const ticked = [...here.values()].filter((row) => !rows.includes(row) && row.querySelector("[name=chosen]").checked);
    body.replaceChildren(...rows, ...ticked);
    news.replaceChildren();
    body.querySelector("[name=chosen]")?.dispatchEvent(new Event("change", { bubbles: true }));
    first?.querySelector(".cell-main a")?.focus();
  });

  const take = (html) => {
    const answer = new DOMParser().parseFromString(html, "text/html");
    count(answer);
    merge(answer);
    const drawn = document.querySelector("[data-drawn]");
    if (drawn && !page.querySelector("[name=chosen]:checked")) drawn.value = answer.querySelector("[data-now]").dataset.now;
  };

  // -------------------------------------------------------------------------------- asking

  keepAsking({
    pace: 2500,
    tag: `W/"${words.tag}"`,
    address: () => words.changesUrl,
    take,
    say,
    words: { signedOut: words.textSignedOut, offline: words.textOffline },
  });
})();
