// The little that pages need besides htmx. Texts are set by textContent only.
(() => {
  "use strict";
  const at = (id) => document.getElementById(id);

  // -- calls of the API: JSON bodies ---------------------------------------------------------
  // name[] gathers a list, name[key] an object; what is left empty is left out.
  const body = (parameters) => {
    const made = {};
    parameters.forEach((value, name) => {
      const [, outer, inner] = /^([^[]+)\[(.*)\]$/s.exec(name) || [null, name, null];
      if (value === "" && inner === null) return;
      if (inner === null) made[outer] = value;
      else if (inner === "") (made[outer] ||= []).push(value);
      else (made[outer] ||= {})[inner] = value;
    });
    return made;
  };
  htmx.defineExtension("api", {
    onEvent: (name, event) => {
      if (name === "htmx:configRequest") {
        event.detail.headers["Content-Type"] = "application/json";
        event.detail.headers["Accept"] = "application/json";
      }
      return true;
    },
    encodeParameters: (xhr, parameters) => JSON.stringify(body(parameters)),
  });

  // -- asks before what cannot be undone -----------------------------------------------------
  let wish = null;
  document.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.question) return;
    event.preventDefault();
    wish = event.detail;
    at("ask-what").textContent = event.detail.question;
    at("ask").showModal();
    at("ask-no").focus();
  });
  const answered = (yes) => {
    at("ask").close();
    const meant = wish;
    wish = null;
    if (yes && meant) meant.issueRequest(true);
  };
  if (at("ask")) {
    at("ask-yes").addEventListener("click", () => answered(true));
    at("ask-no").addEventListener("click", () => answered(false));
    at("ask").addEventListener("cancel", () => { wish = null; });
  }

  // -- says what became of it ----------------------------------------------------------------
  const say = (text, bad) => {
    at("outcome").textContent = bad ? "" : text;
    at("trouble").textContent = bad ? text : "";
    (bad ? at("trouble") : at("outcome")).scrollIntoView({ block: "nearest" });
  };
  const parsed = (xhr) => {
    try { return JSON.parse(xhr.responseText); } catch { return {}; }
  };
  const problem = (xhr) => {
    const told = parsed(xhr);
    const errors = Array.isArray(told.errors) ? told.errors : [];
    const lines = errors.map((one) => [one.where ?? one.pointer ?? one.loc, one.what ?? one.detail ?? one.msg].filter(Boolean).join(": "));
    return [told.detail || told.title || `The server answered ${xhr.status}.`, ...lines].join("\n");
  };
  const again = () => htmx.ajax("GET", location.pathname + location.search, { target: "#main", select: "#main", swap: "outerHTML" });
  document.addEventListener("htmx:afterRequest", (event) => {
    const { elt, xhr, successful } = event.detail;
    if (!elt.hasAttribute || !elt.hasAttribute("data-done")) return;
    if (xhr.status === 401) { location.reload(); return; }
    if (!successful) { say(problem(xhr), true); return; }
    const told = parsed(xhr);
    const each = elt.dataset.each && Array.isArray(told[elt.dataset.each]) ? told[elt.dataset.each] : [];
    const lines = each.map((one) => [one.id, one.outcome, one.why].filter(Boolean).join(" "));
    const later = xhr.status === 202 && told.wish;
    say([later ? "Asked for: the next run does it." : elt.dataset.done, ...lines.slice(0, 20)].join("\n"), false);
    if (elt.dataset.goto) location.assign(elt.dataset.goto);
    else again();
  });
  document.addEventListener("htmx:sendError", () => say("The server cannot be reached.", true));
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.elt.id === "main" && document.activeElement === document.body) at("main").focus();
    ready();
  });

  // -- the list of connections ---------------------------------------------------------------
  const rows = () => [...document.querySelectorAll("#connections tbody tr")];
  const filter = () => {
    const field = at("filter");
    if (!field) return;
    const wanted = field.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows()) {
      row.hidden = Boolean(wanted) && !row.textContent.toLowerCase().includes(wanted);
      if (!row.hidden) shown += 1;
    }
    at("filter-count").textContent = wanted ? `${shown} shown` : "";
  };
  const sorted = () => {
    const found = rows();
    const wanted = [...found].sort((a, b) => a.dataset.rank - b.dataset.rank || (a.dataset.name < b.dataset.name ? -1 : 1));
    // Whoever stands in the table with keyboard or pointer keeps his place.
    const table = at("connections");
    if (!table || table.contains(document.activeElement) || table.matches(":hover")) return;
    if (wanted.some((row, n) => row !== found[n])) table.tBodies[0].append(...wanted);
  };
  let due = null;
  document.addEventListener("htmx:oobAfterSwap", () => {
    clearTimeout(due);
    due = setTimeout(() => { sorted(); filter(); tick(); }, 100);
  });
  document.addEventListener("input", (event) => { if (event.target.id === "filter") filter(); });
  document.addEventListener("submit", (event) => { if (event.target.id === "filter-form") event.preventDefault(); });
  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-whys]")) return;
    for (const one of document.querySelectorAll("[data-why]")) one.value = event.target.value;
  });
  document.addEventListener("change", (event) => { if (event.target.matches("[data-submit]")) event.target.form.requestSubmit(); });

  // -- live ----------------------------------------------------------------------------------
  const liveness = (text) => { if (at("liveness")) at("liveness").textContent = text; };
  document.addEventListener("htmx:sseOpen", () => liveness("live"));
  document.addEventListener("htmx:sseError", () => liveness("not live just now; trying again"));
  document.addEventListener("htmx:sseClose", (event) => { if (event.detail.type === "message") location.reload(); });

  // -- times that go on ----------------------------------------------------------------------
  const lasting = (seconds) => {
    for (const [unit, size] of [["days", 86400], ["h", 3600], ["min", 60]]) {
      if (seconds >= 2 * size || (seconds >= size && unit !== "days")) return `${Math.round(seconds / size)} ${unit}`;
    }
    return `${Math.max(0, Math.round(seconds))} s`;
  };
  const tick = () => {
    for (const one of document.querySelectorAll("[data-since]")) {
      const text = lasting((Date.now() - Date.parse(one.dataset.since)) / 1000);
      if (one.textContent !== text) one.textContent = text;
    }
  };
  setInterval(tick, 1000);

  // -- plots ---------------------------------------------------------------------------------
  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const plot = async (place) => {
    place.dataset.drawn = "yes";
    const answer = await fetch(place.dataset.plot, { headers: { Accept: "application/json" } });
    if (!answer.ok) { place.textContent = "The figures cannot be read just now."; return; }
    const told = await answer.json();
    const clock = (t) => new Date(t * 1000).toISOString().slice(11, 16);
    const axis = { stroke: ink("--pico-muted-color"), grid: { stroke: ink("--pico-muted-border-color"), width: 1 } };
    const colours = [ink("--busy"), ink("--good"), ink("--care")];
    const line = (one, n) => ({ label: one.label, stroke: colours[n % 3], width: 1.5, points: { show: told.x.length < 40 } });
    const drawn = new uPlot({
      width: Math.max(240, place.clientWidth), height: 180, axes: [{ ...axis, values: (_, times) => times.map(clock) }, axis], tzDate: (t) => uPlot.tzDate(new Date(t * 1000), "Etc/UTC"),
      series: [{ label: "UTC", value: (_, t) => (t ? clock(t) : "") }, ...told.series.map(line)],
    }, [told.x, ...told.series.map((one) => one.values)], place);
    new ResizeObserver(() => drawn.setSize({ width: Math.max(240, place.clientWidth), height: 180 })).observe(place);
  };
  const ready = () => {
    for (const place of document.querySelectorAll("[data-plot]:not([data-drawn])")) plot(place);
    filter();
    tick();
  };
  ready();
})();
