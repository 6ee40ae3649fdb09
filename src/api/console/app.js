// SPDX-License-Identifier: Apache-2.0
// The page: log in, watch devices and integrations, save a shared attribute. Text from the server
// only ever becomes text (textContent), never markup.

const REFRESH_MS = 2000;
const PAGE_SIZE = 20;
const CHIPS = 6; // values of a device in the list
const TELEMETRY = "/api/plugins/telemetry/DEVICE/";
const SESSION = "penstock.session";

const $ = (id) => document.getElementById(id);

// ---- talking to the server

let session = readSession();
let refreshing = null;

function readSession() {
  try {
    return JSON.parse(sessionStorage.getItem(SESSION));
  } catch {
    return null;
  }
}

function keepSession(pair) {
  session = pair;
  if (pair) sessionStorage.setItem(SESSION, JSON.stringify(pair));
  else sessionStorage.removeItem(SESSION);
}

class ApiError extends Error {
  constructor(status, message, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

async function send(path, { method = "GET", body, token } = {}) {
  const headers = {};
  if (token) headers["X-Authorization"] = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  if (answer.ok) return text ? JSON.parse(text) : null;
  let message = text, code;
  try {
    ({ message, errorCode: code } = JSON.parse(text));
  } catch {
    // telemetry calls answer in plain text
  }
  throw new ApiError(answer.status, message || `The server answered ${answer.status}.`, code);
}

async function refreshToken() {
  refreshing ??= send("/api/auth/token", { method: "POST", body: { refreshToken: session.refreshToken } })
    .then(keepSession)
    .finally(() => { refreshing = null; });
  return refreshing;
}

// With the session's token; a token that ended is replaced once.
async function api(path, options = {}) {
  const used = session;
  try {
    return await send(path, { ...options, token: used?.token });
  } catch (error) {
    if (error.status !== 401 || !session) throw error;
    try {
      if (session === used) await refreshToken();
      return await send(path, { ...options, token: session?.token });
    } catch (again) {
      if (again.status === 401) signOut("The session has ended. Sign in again.");
      throw again;
    }
  }
}

// ---- small tools

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function ago(ms) {
  const s = Math.max(0, Math.round((Date.now() - ms) / 1000));
  if (s < 2) return "now";
  if (s < 60) return `${s} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ago`;
  return new Date(ms).toLocaleString();
}

const show = (value) => (typeof value === "object" && value !== null ? JSON.stringify(value) : String(value));

// For the list: few digits behind the point.
const brief = (text) => (/^-?\d+\.\d{4,}$/.test(text) ? String(Number(Number(text).toFixed(3))) : text);

// Rows keyed by what they show, so that a refresh changes only what changed and focus stays.
function reconcile(parent, items, key, create, update) {
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let at = parent.firstElementChild;
  for (const item of items) {
    const id = key(item);
    let node = old.get(id);
    if (node) {
      old.delete(id);
    } else {
      node = create(item);
      node.dataset.key = id;
    }
    update(node, item);
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
  for (const node of old.values()) node.remove();
}

function flash(node) {
  node.classList.remove("fresh");
  void node.offsetWidth; // restarts the animation
  node.classList.add("fresh");
}

// ---- devices

const list = { page: 0, text: "", data: [], total: 0, pages: 0, latest: new Map() };

async function loadDevices() {
  const query = new URLSearchParams({
    pageSize: PAGE_SIZE, page: list.page, sortProperty: "createdTime", sortOrder: "DESC",
  });
  if (list.text) query.set("textSearch", list.text);
  const asked = `${list.page} ${list.text}`;
  const page = await api(`/api/tenant/devices?${query}`);
  if (asked !== `${list.page} ${list.text}`) return; // the user went on meanwhile
  if (page.data.length === 0 && list.page > 0) {
    list.page = Math.max(0, page.totalPages - 1);
    return loadDevices();
  }
  list.data = page.data;
  list.total = page.totalElements;
  list.pages = page.totalPages;
  showDevices();
  await Promise.all(page.data.map(async (device) => {
    list.latest.set(device.id.id, await latestOf(device.id.id));
  }));
  showDevices();
}

async function latestOf(id) {
  const map = await api(`${TELEMETRY}${id}/values/timeseries`); // as text: exact
  return Object.entries(map)
    .map(([key, points]) => ({ key, ...points[0] }))
    .sort((a, b) => b.ts - a.ts || a.key.localeCompare(b.key));
}

function createDeviceRow(device) {
  const row = make("tr", { onclick: () => { if (getSelection().isCollapsed) openPanel(row.device); } },
    make("td", {}, make("button", { type: "button", class: "link" }, device.name)), make("td"),
    make("td", {}, make("div", { class: "chips" })), make("td", { class: "when" }));
  return row;
}

function createChip(point) {
  return make("span", { class: "chip" }, point.key, make("b"));
}

function updateChip(chip, point) {
  const value = chip.lastElementChild;
  const title = `${point.key} = ${point.value}`;
  if (chip.title === title) return;
  if (chip.title) flash(chip);
  value.textContent = brief(point.value);
  chip.title = title;
}

function updateDeviceRow(row, device) {
  row.device = device;
  const [, type, values, when] = row.children;
  setText(type, device.type);
  const points = list.latest.get(device.id.id);
  if (!points) return;
  const shown = [...points].sort((a, b) => a.key.localeCompare(b.key)).slice(0, CHIPS);
  const more = points.length > CHIPS ? [{ key: "", more: points.length - CHIPS }] : [];
  reconcile(values.firstElementChild, [...shown, ...more], (p) => `=${p.key}${p.more ? "+" : ""}`,
    (p) => (p.more ? make("span", { class: "dim" }) : createChip(p)),
    (node, p) => (p.more ? setText(node, `+${p.more} more`) : updateChip(node, p)));
  setText(when, points.length ? ago(points[0].ts) : "no telemetry yet");
}

function showDevices() {
  reconcile($("device-rows"), list.data, (d) => d.id.id, createDeviceRow, updateDeviceRow);
  setText($("device-count"), String(list.total));
  $("no-devices").hidden = list.data.length > 0;
  setText($("no-devices"), list.text ? `No device's name holds “${list.text}”.`
    : "No device yet. The first record on the stream makes one.");
  $("pager").hidden = list.pages < 2;
  setText($("page-at"), `Page ${list.page + 1} of ${list.pages}`);
  $("page-back").disabled = list.page === 0;
  $("page-next").disabled = list.page + 1 >= list.pages;
}

// ---- a device's panel

let shownDevice = null;

function openPanel(device) {
  shownDevice = device;
  setText($("panel-title"), device.name);
  setText($("panel-sub"), `${device.type} · created ${new Date(device.createdTime).toLocaleString()} · ${device.id.id}`);
  $("panel-telemetry").replaceChildren();
  $("panel-attributes").replaceChildren();
  $("no-telemetry").hidden = $("no-attributes").hidden = true; // until it is known
  setNote("");
  $("attribute").reset(); // nothing typed for another device is saved here
  chooseType();
  $("panel").showModal();
  tick();
}

const scopeNames = { CLIENT_SCOPE: "client", SERVER_SCOPE: "server", SHARED_SCOPE: "shared" };

async function loadPanel() {
  const device = shownDevice;
  const scopes = Object.keys(scopeNames);
  const [telemetry, ...attributes] = await Promise.all([
    latestOf(device.id.id),
    ...scopes.map((scope) => api(`${TELEMETRY}${device.id.id}/values/attributes/${scope}`)),
  ]);
  if (device !== shownDevice) return;
  const flat = attributes.flatMap((values, i) => values.map((v) => ({ ...v, scope: scopeNames[scopes[i]] })));
  flat.sort((a, b) => a.scope.localeCompare(b.scope) || a.key.localeCompare(b.key));
  telemetry.sort((a, b) => a.key.localeCompare(b.key));
  showValues("telemetry", telemetry, (p) => p.key, (p) => ago(p.ts));
  showValues("attributes", flat, (a) => `${a.scope} ${a.key}`, (a) => a.scope);
}

function showValues(name, items, key, last) {
  reconcile($(`panel-${name}`), items, key,
    () => make("tr", {}, make("td"), make("td", { class: "value" }), make("td")),
    (row, item) => {
      const [k, v, l] = row.children;
      const text = show(item.value);
      setText(k, item.key);
      if (v.textContent && v.textContent !== text) flash(v);
      setText(v, text);
      setText(l, last(item));
    });
  $(`no-${name}`).hidden = items.length > 0;
}

function setNote(text, bad = false) {
  setText($("attribute-note"), text);
  $("attribute-note").classList.toggle("bad", bad);
}

// The value in the type that was chosen; throws with what is wrong.
function readValue() {
  const type = $("attribute-type").value;
  const text = $("attribute-value").value;
  if (type === "string") return text;
  if (type === "boolean") return $("attribute-bool").value === "true";
  if (type === "number") {
    if (!/^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text.trim())) throw new Error("The value is not a number.");
    const number = Number(text);
    const rounded = /^-?\d+$/.test(text.trim()) && !Number.isSafeInteger(number);
    if (rounded || !Number.isFinite(number)) throw new Error("The number is too large to be kept exactly: save it as a String.");
    return number;
  }
  try {
    return JSON.parse($("attribute-json").value);
  } catch (error) {
    throw new Error(`The value is not JSON: ${error.message}`);
  }
}

async function saveAttribute(event) {
  event.preventDefault();
  const key = $("attribute-key").value.trim();
  const button = $("attribute-save");
  try {
    if (!key) throw new Error("A key is needed.");
    const body = { [key]: readValue() };
    button.disabled = true;
    setNote("Saving…");
    await api(`${TELEMETRY}${shownDevice.id.id}/attributes/SHARED_SCOPE`, { method: "POST", body });
    setNote(`Saved “${key}”.`);
    tick();
  } catch (error) {
    setNote(error.message, true);
  } finally {
    button.disabled = false;
  }
}

function chooseType() {
  const type = $("attribute-type").value;
  $("attribute-value").hidden = type === "boolean" || type === "json";
  $("attribute-bool").hidden = type !== "boolean";
  $("attribute-json").hidden = type !== "json";
  $("attribute-value").inputMode = type === "number" ? "decimal" : "text";
  const field = { boolean: "attribute-bool", json: "attribute-json" }[type] ?? "attribute-value";
  $("attribute-label").htmlFor = field;
}

// ---- integrations

async function loadIntegrations() {
  const page = await api("/api/integrationInfos?pageSize=100&page=0&sortProperty=name");
  const statuses = await Promise.all(page.data.map((i) => api(`/api/integration/${i.id.id}/status`).catch(() => null)));
  const items = page.data.map((info, i) => ({ info, status: statuses[i] ?? { state: info.status.state, error: info.status.error, shards: [] } }));
  reconcile($("integration-cards"), items, (i) => i.info.id.id, createIntegration, updateIntegration);
  setText($("integration-count"), String(page.totalElements));
  $("no-integrations").hidden = items.length > 0;
}

function createIntegration({ info }) {
  const letters = make("ul", { class: "letters" });
  const more = make("details", { ontoggle: () => { if (more.open) loadLetters(info.id.id, letters); } },
    make("summary", {}, "Records that failed"), letters);
  return make("article", { class: "card integration" },
    make("header", {}, make("h2"), make("span", { class: "dim" }), make("span", { class: "state" })),
    make("p", { class: "problem", role: "status" }),
    make("div", { class: "scroll" }, make("table", {},
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Shard"), make("th", { scope: "col" }, "State"),
        make("th", { scope: "col", class: "number" }, "Records applied"), make("th", { scope: "col", class: "number" }, "Behind"))),
      make("tbody"))),
    more);
}

function behind(ms) {
  if (ms === undefined || ms === null || ms < 0) return "–";
  return ms < 1000 ? `${ms} ms` : `${Math.round(ms / 1000)} s`;
}

function updateIntegration(card, { info, status }) {
  const [head, problem, tables, more] = card.children;
  const [title, type, state] = head.children;
  setText(title, info.name);
  setText(type, info.type);
  setText(state, status.state);
  state.className = `state ${status.state.toLowerCase()}`;
  setText(problem, status.error ?? "");
  problem.hidden = !status.error;
  tables.hidden = status.shards.length === 0;
  reconcile(tables.querySelector("tbody"), status.shards, (s) => s.shardId,
    () => make("tr", {}, make("td", { class: "mono" }), make("td"), make("td", { class: "number" }), make("td", { class: "number" })),
    (row, s) => {
      const [id, how, applied, late] = row.children;
      setText(id, s.shardId);
      setText(how, s.lastError ? `${s.state}: ${s.lastError}` : s.state);
      setText(applied, (s.recordsApplied ?? 0).toLocaleString());
      setText(late, behind(s.millisBehindLatest));
    });
  const failed = status.recordsFailed ? ` (${status.recordsFailed.toLocaleString()} since start)` : "";
  setText(more.firstElementChild, `Records that failed${failed}`);
}

async function loadLetters(id, into) {
  into.replaceChildren(make("li", { class: "none" }, "Loading…"));
  try {
    const page = await api(`/api/integration/${id}/deadLetters?pageSize=5&page=0`);
    into.replaceChildren(...page.data.map((letter) => make("li", {},
      make("strong", {}, letter.error), make("div", { class: "dim" },
        [letter.type.toLowerCase(), letter.shardId, new Date(letter.createdTime).toLocaleString()].filter(Boolean).join(" · ")),
      make("span", { class: "mono" }, letter.text ?? `${letter.payload} (base64)`))));
    if (page.data.length === 0) into.replaceChildren(make("li", { class: "none" }, "None."));
  } catch (error) {
    into.replaceChildren(make("li", {}, error.message));
  }
}

// ---- views and the refresh that drives them

const loaders = { devices: loadDevices, integrations: loadIntegrations };
let view = "login";
let timer = 0;
let turn = 0;

// Also in the panel, which covers the page.
function setOffline(text) {
  for (const notice of [$("offline"), $("panel-offline")]) {
    setText(notice, text);
    notice.hidden = !text;
  }
}

// One refresh; the next follows its end, so that a slow server is not asked twice at once.
async function tick() {
  clearTimeout(timer);
  const mine = ++turn;
  if (!session || document.hidden) return;
  try {
    await loaders[view]?.();
    if (shownDevice) await loadPanel();
    setOffline("");
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return;
    setOffline(error instanceof ApiError ? error.message : "The server can't be reached. Trying again…");
  }
  if (mine === turn) timer = setTimeout(tick, REFRESH_MS);
}

function route() {
  const wanted = location.hash.slice(1);
  view = !session ? "login" : Object.hasOwn(loaders, wanted) ? wanted : "devices";
  for (const name of ["login", "devices", "integrations"]) $(`view-${name}`).hidden = name !== view;
  $("top").hidden = !session;
  for (const link of document.querySelectorAll("nav a[data-view]")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (view === "login") $("username").focus();
  tick();
}

async function showUser() {
  try {
    setText($("who"), (await api("/api/auth/user")).email);
  } catch {
    // the next refresh tells what is wrong
  }
}

function signOut(why = "") {
  keepSession(null);
  shownDevice = null;
  if ($("panel").open) $("panel").close();
  list.data = [];
  list.latest.clear();
  setText($("who"), "");
  setText($("login-error"), why);
  setOffline("");
  $("device-rows").replaceChildren();
  $("integration-cards").replaceChildren();
  route();
}

async function signIn(event) {
  event.preventDefault();
  const button = event.submitter ?? $("login").querySelector("button");
  setText($("login-error"), "");
  button.disabled = true;
  try {
    keepSession(await send("/api/auth/login", {
      method: "POST", body: { username: $("username").value.trim(), password: $("password").value },
    }));
    $("password").value = "";
    route();
    showUser();
    $("main").focus();
  } catch (error) {
    setText($("login-error"), error instanceof ApiError ? error.message : "The server can't be reached.");
    $("password").focus();
  } finally {
    button.disabled = false;
  }
}

let searchTimer = 0;

function search() {
  clearTimeout(searchTimer);
  searchTimer = setTimeout(() => {
    list.text = $("search").value.trim();
    list.page = 0;
    tick();
  }, 200);
}

function turnPage(by) {
  list.page += by;
  tick();
}

$("login").addEventListener("submit", signIn);
$("logout").addEventListener("click", () => {
  api("/api/auth/logout", { method: "POST" }).catch(() => {}).finally(() => signOut());
});
$("search").addEventListener("input", search);
$("search-form").addEventListener("submit", (event) => event.preventDefault());
$("page-back").addEventListener("click", () => turnPage(-1));
$("page-next").addEventListener("click", () => turnPage(1));
$("panel-close").addEventListener("click", () => $("panel").close());
$("panel").addEventListener("close", () => { shownDevice = null; });
$("panel").addEventListener("click", (event) => { if (event.target === $("panel")) $("panel").close(); });
$("attribute").addEventListener("submit", saveAttribute);
$("attribute-type").addEventListener("change", chooseType);
// Its target is no view.
$("skip").addEventListener("click", (event) => {
  event.preventDefault();
  $("main").focus();
});
addEventListener("hashchange", () => {
  if ($("panel").open) $("panel").close();
  route();
});
document.addEventListener("visibilitychange", tick);

chooseType();
route();
if (session) showUser();
