// page.js: shows what the application says of itself, once a second, and sends
// what the user types. A request that fails is counted and shown, never retried.

const REFRESH_MS = 1000;
const LOG_LENGTH = 12;

const at = (id) => document.getElementById(id);
const show = (id, text) => { at(id).textContent = text; };
const ms = (value) => (value === null ? "-" : `${value.toFixed(value < 10 ? 1 : 0)} ms`);
const clock = (date) => new Date(date).toLocaleTimeString("en-GB");

let user = null;
let failed = 0;
let state = null;

async function api(method, path, body) {
  try {
    const response = await fetch(`/api/${path}`, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    if (!response.ok) throw new Error(`${response.status}: ${(await response.json()).error}`);
    return await response.json();
  } catch (error) {
    show("failed", ++failed);
    log(`${method} /api/${path} failed: ${error.message}`);
    return null;
  }
}

function log(text) {
  const line = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = clock(Date.now());
  line.append(time, text);
  at("log").prepend(line);
  while (at("log").children.length > LOG_LENGTH) at("log").lastChild.remove();
}

function badge(id, text, kind) {
  show(id, text);
  at(id).className = `badge ${kind}`;
}

async function showStatus() {
  const status = await api("GET", "status");
  if (!status) return;
  const { health, stats, requests } = status;
  const now = health.cache.state;
  if (state !== null && now !== state) log(`the cache is ${now}`);
  state = now;
  badge("state", now, { up: "good", down: "bad" }[now] ?? "wait");
  badge("store", health.store.up ? "up" : "down", health.store.up ? "good" : "bad");
  show("hits", stats.hits);
  show("misses", stats.misses);
  show("rate", `${Math.round(stats.hitRate * 100)} %`);
  show("fallbacks", stats.fallbacks);
  show("ping", ms(health.cache.latencyMs));
  show("median", ms(requests.medianMs));
  show("p95", ms(requests.p95Ms));
  at("control").hidden = !status.controllable;
}

async function showMessages() {
  const answer = await api("GET", "messages");
  if (!answer) return;
  badge("source", answer.source, answer.source === "cache" ? "good" : "wait");
  const list = at("messages");
  const lines = answer.messages.map((message) => {
    const line = document.createElement("li");
    const time = document.createElement("time");
    time.textContent = clock(message.at);
    line.append(time, message.text);
    return line;
  });
  const grown = lines.length !== list.children.length;
  list.replaceChildren(...lines);
  if (grown) list.scrollTop = list.scrollHeight;
}

async function showProfile() {
  const profile = await api("GET", "profile");
  at("profile-name").value = profile?.name ?? "";
  at("profile-about").value = profile?.about ?? "";
}

async function showUser(me) {
  if (!me) return;
  user = me.user;
  at("login").hidden = user !== null;
  at("app").hidden = at("who").hidden = user === null;
  if (user === null) return;
  show("user", user);
  show("since", clock(me.since));
  await Promise.all([showMessages(), showProfile()]);
}

function onSubmit(id, send) {
  at(id).addEventListener("submit", (event) => {
    event.preventDefault();
    void send();
  });
}

onSubmit("login", async () => showUser(await api("POST", "login", { name: at("name").value })));
onSubmit("send", async () => {
  const sent = await api("POST", "messages", { id: crypto.randomUUID(), text: at("text").value });
  if (sent) at("text").value = "";
  await showMessages();
});
onSubmit("profile", async () => {
  show("saved", "");
  const saved = await api("PUT", "profile", { name: at("profile-name").value, about: at("profile-about").value });
  if (saved) show("saved", `saved ${clock(Date.now())}`);
});
at("clear").addEventListener("click", async () => {
  await api("DELETE", "messages");
  await showMessages();
});
at("logout").addEventListener("click", async () => showUser(await api("POST", "logout", {})));
for (const action of ["kill", "start"]) {
  at(action).addEventListener("click", async () => {
    log(`you ${action} the cache`);
    await api("POST", `cache/${action}`, {});
    await showStatus();
  });
}

async function refresh() {
  await Promise.all([showStatus(), user !== null && showMessages()]);
  setTimeout(refresh, REFRESH_MS);
}

await Promise.all([api("GET", "me").then(showUser), refresh()]);
