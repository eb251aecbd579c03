// Streams an answer into the page and opens sources beside it. Without this module every form and link works as plain HTML.

const form = document.getElementById("ask");
const answer = document.getElementById("answer");
const sentences = document.getElementById("sentences");
const summary = document.getElementById("summary");
const status = document.getElementById("status");
const stop = document.getElementById("stop");
const pane = document.getElementById("evidence-pane");
const paneBody = document.getElementById("evidence-body");
let running = null;
let cameFrom = null;

// The server renders and escapes every fragment with the same templates as the whole page.
function put(place, html) {
  place.insertAdjacentHTML("beforeend", html);
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part);
  }
}

function begin() {
  sentences.replaceChildren();
  summary.replaceChildren();
  closePane();
  document.getElementById("promise")?.remove();
  answer.hidden = false;
  answer.setAttribute("aria-busy", "true");
  stop.hidden = false;
  status.textContent = "Reading the documents…";
}

function end(text) {
  answer.removeAttribute("aria-busy");
  stop.hidden = true;
  status.textContent = text;
  running = null;
}

async function ask(event) {
  event.preventDefault();
  running?.abort();
  const mine = (running = new AbortController());
  begin();
  try {
    const response = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { Accept: "application/x-ndjson" },
      signal: mine.signal,
    });
    if (!(response.headers.get("content-type") ?? "").startsWith("application/x-ndjson")) {
      form.submit(); // an error or the sign-in page: let the browser show it
      return;
    }
    let whole = false;
    for await (const piece of lines(response.body)) {
      put(piece.kind === "sentence" ? sentences : summary, piece.html);
      whole ||= piece.kind !== "sentence";
      status.textContent = "";
    }
    end(whole ? "" : "The connection broke off before the answer was complete.");
  } catch (error) {
    if (running === mine) end(error.name === "AbortError" ? "Stopped." : "The server cannot be reached.");
  }
}

async function openSource(event) {
  const link = event.target.closest("a.cite, a.cite-title, a.cite-quote");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const url = new URL(link.href);
  url.searchParams.set("fragment", "1");
  const response = await fetch(url, { headers: { Accept: "text/html" } });
  if (!response.ok || response.redirected) {
    location.assign(link.href);
    return;
  }
  cameFrom = link;
  document.querySelector("a.cite[aria-current]")?.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
  paneBody.replaceChildren();
  put(paneBody, await response.text());
  pane.hidden = false;
  pane.focus({ preventScroll: true });
  const mark = paneBody.querySelector("#evidence");
  if (mark) mark.scrollIntoView({ block: "center" }); // the pane and, where it is taller than what is left, the page
}

function closePane() {
  if (pane.hidden) return;
  pane.hidden = true;
  paneBody.replaceChildren();
  cameFrom?.removeAttribute("aria-current");
  cameFrom?.focus();
}

async function rate(event) {
  const opinion = event.target.closest("form.feedback");
  if (!opinion) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(opinion, event.submitter));
  const response = await fetch(opinion.action, { method: "POST", body, headers: { Accept: "application/json" } });
  const said = document.createElement("p");
  said.setAttribute("role", "status");
  said.textContent = response.ok ? "Thank you. Your opinion stands beside the trace." : "Your opinion could not be kept.";
  if (response.ok) opinion.replaceWith(said);
  else opinion.append(said);
}

form.addEventListener("submit", ask);
stop.addEventListener("click", () => running?.abort());
answer.addEventListener("click", openSource);
answer.addEventListener("submit", rate);
document.getElementById("close-pane").addEventListener("click", closePane);
document.addEventListener("keydown", (event) => event.key === "Escape" && closePane());
document.getElementById("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});
