// The chat page: a person's side of a private chat, as a phone shows it.
// Text from the server becomes text nodes and known elements only, never HTML.
"use strict";

const LANGUAGES = ["en", "fr", "de", "nl", "es", "it", "pt", "pl", "ro", "sv"];
const WORDS = {
  en: { ready: "automated program", lost: "connecting …", typing: "typing …", language: "Your language", theme: "Light or dark", send: "Send", commands: "Commands", more: "Show more", less: "Show less", copied: "Copied", opens: "opens a new tab", edited: "edited", you: "You", bot: "Bot", start: "Begin", document: "File", download: "Download", gone: "no longer here: ask for it again", reply: "In reply to" },
  fr: { ready: "programme automatique", lost: "connexion …", typing: "écrit …", language: "Votre langue", theme: "Clair ou sombre", send: "Envoyer", commands: "Commandes", more: "Voir la suite", less: "Réduire", copied: "Copié", opens: "nouvel onglet", edited: "modifié", you: "Vous", bot: "Bot", start: "Commencer", document: "Fichier", download: "Télécharger", gone: "n’est plus ici : demandez-le à nouveau", reply: "En réponse à" },
  de: { ready: "automatisches Programm", lost: "verbinde …", typing: "schreibt …", language: "Ihre Sprache", theme: "Hell oder dunkel", send: "Senden", commands: "Befehle", more: "Mehr anzeigen", less: "Weniger anzeigen", copied: "Kopiert", opens: "neuer Tab", edited: "bearbeitet", you: "Sie", bot: "Bot", start: "Beginnen", document: "Datei", download: "Herunterladen", gone: "nicht mehr hier: bitte neu anfordern", reply: "Antwort auf" },
  nl: { ready: "automatisch programma", lost: "verbinden …", typing: "typt …", language: "Uw taal", theme: "Licht of donker", send: "Versturen", commands: "Opdrachten", more: "Meer tonen", less: "Minder tonen", copied: "Gekopieerd", opens: "nieuw tabblad", edited: "bewerkt", you: "U", bot: "Bot", start: "Beginnen", document: "Bestand", download: "Downloaden", gone: "niet meer hier: vraag het opnieuw", reply: "Antwoord op" },
};
const TAGS = new Set(["b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "code", "pre"]);

const $ = (id) => document.getElementById(id);
const log = $("log"), field = $("message"), menu = $("menu"), notice = $("notice");
const kept = (name) => { try { return sessionStorage.getItem(name); } catch { return null; } };
const keep = (name, value) => { try { sessionStorage.setItem(name, value); } catch { /* private mode */ } };

const preferred = new URLSearchParams(location.search).get("lang") || kept("language") || navigator.language.slice(0, 2);
let language = LANGUAGES.includes(preferred) ? preferred : "en";
let chat = Number(kept("chat")) || null;
let messages = JSON.parse(kept("messages") || "[]");
let socket = null, pause = 500, commands = [], begun = messages.length > 0, noticeTimer = 0, typingTimer = 0;
const waiting = new Map();
const outbox = [];

const say = (key) => (WORDS[language] || WORDS.en)[key];

function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

// ---- what the bot writes ------------------------------------------------------------------

function formatted(tree) {
  return tree.map((part, place) => {
    if (typeof part === "string") {
      // A quote begins and ends a line by itself.
      let text = part;
      if (tree[place - 1]?.tag === "blockquote") text = text.replace(/^\n/, "");
      if (tree[place + 1]?.tag === "blockquote") text = text.replace(/\n$/, "");
      return document.createTextNode(text);
    }
    const children = formatted(part.children);
    if (part.tag === "a") {
      const href = safe(part.attributes.href || "");
      return href ? element("a", { href, target: "_blank", rel: "noopener noreferrer" }, ...children) : element("span", {}, ...children);
    }
    if (part.tag === "blockquote") return quote(children, "expandable" in part.attributes);
    return element(TAGS.has(part.tag) ? part.tag : "span", {}, ...children);
  });
}

function quote(children, expandable) {
  const inside = element("div", { className: "inside" }, ...children);
  const block = element("blockquote", {}, inside);
  if (!expandable) return block;
  block.classList.add("folded");
  const button = element("button", { type: "button", className: "unfold", textContent: say("more") });
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => {
    const open = block.classList.toggle("folded") === false;
    button.textContent = say(open ? "less" : "more");
    button.setAttribute("aria-expanded", String(open));
  });
  block.append(button);
  return block;
}

function safe(address) {
  try {
    const url = new URL(address);
    return ["http:", "https:"].includes(url.protocol) ? url.href : "";
  } catch { return ""; }
}

function attached(message) {
  const { file_id, file_name, file_size } = message.document;
  const suffix = /\.([A-Za-z0-9]{1,4})$/.exec(file_name)?.[1] || "";
  const line = element("div", { className: "size" }, size(file_size));
  if (message.held) {
    const link = element("a", { className: "download", href: `files/${encodeURIComponent(file_id)}`, download: file_name, textContent: say("download") });
    link.append(element("span", { className: "hidden" }, " ", element("bdi", { textContent: file_name })));
    line.append(link);
  } else {
    line.append(element("span", { textContent: say("gone") }));
  }
  return element("div", { className: "document" },
    element("span", { className: "suffix", textContent: suffix, ariaHidden: "true" }),
    element("div", { className: "about" },
      element("span", { className: "hidden", textContent: `${say("document")}: ` }),
      // Set apart from what stands around it: a name may run from right to left.
      element("bdi", { className: "file", textContent: file_name }),
      line));
}

function quoted(message) {
  const words = message.text || message.caption || message.document?.file_name || "";
  const whole = [...words];
  return element("div", { className: "quoted" },
    element("span", { className: "hidden", textContent: `${say("reply")}: ` }),
    element("b", { textContent: say(message.from.is_bot ? "bot" : "you") }),
    element("span", { className: "hidden", textContent: ": " }),
    // Enough to know it again: who listens to the page has heard it once already.
    element("bdi", { textContent: whole.length > 120 ? `${whole.slice(0, 119).join("")}…` : words }));
}

function size(bytes) {
  const [value, unit] = bytes < 1000 ? [bytes, "byte"] : bytes < 1e6 ? [bytes / 1000, "kilobyte"] : [bytes / 1e6, "megabyte"];
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: unit === "byte" ? "long" : "short", maximumFractionDigits: value < 10 && unit !== "byte" ? 1 : 0 }).format(value);
}

function keyboard(message) {
  const rows = message.reply_markup?.inline_keyboard || [];
  return element("div", { className: "keys" }, ...rows.map((row) =>
    element("div", { className: "row" }, ...row.map((key) => button(message, key)))));
}

function button(message, key) {
  if (key.url) {
    const link = element("a", { className: "key", href: safe(key.url) || "#", target: "_blank", rel: "noopener noreferrer", title: key.url }, key.text);
    link.append(element("span", { className: "mark", textContent: "↗", ariaHidden: "true" }), element("span", { className: "hidden", textContent: ` (${say("opens")})` }));
    return link;
  }
  const node = element("button", { type: "button", className: "key" }, key.text);
  if (key.copy_text) {
    node.append(element("span", { className: "mark", textContent: "⧉", ariaHidden: "true" }));
    node.addEventListener("click", () => copy(key.copy_text.text));
  } else {
    node.addEventListener("click", () => press(message.message_id, key.callback_data, node));
  }
  return node;
}

function bubble(message) {
  const mine = !message.from.is_bot;
  const time = new Date(message.date * 1000).toLocaleTimeString(navigator.language.startsWith(language) ? navigator.language : language, { hour: "2-digit", minute: "2-digit" });
  const foot = message.edit_date ? `${say("edited")} ${time}` : time;
  const body = element("div", { className: "bubble" },
    element("span", { className: "hidden", textContent: `${say(mine ? "you" : "bot")}: ` }),
    ...(message.reply_to_message ? [quoted(message.reply_to_message)] : []),
    ...(message.document ? [attached(message)] : []),
    ...(message.text || message.caption ? [element("div", { className: "text" }, ...formatted(message.tree))] : []),
    element("div", { className: "foot", textContent: foot }));
  const node = element("article", { className: mine ? "mine" : "theirs", id: `m${message.message_id}` }, body);
  if (message.reply_markup) node.append(keyboard(message));
  return node;
}

function show(message) {
  const old = $(`m${message.message_id}`);
  const place = messages.findIndex((m) => m.message_id === message.message_id);
  if (place >= 0) messages[place] = message; else messages.push(message);
  keep("messages", JSON.stringify(messages.slice(-200)));
  const node = bubble(message);
  if (old) {
    const focused = old.contains(document.activeElement);
    const bottom = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
    old.replaceWith(node);
    // The keyboard user stays in the message whose button was pressed.
    if (focused) (node.querySelector(".key") || log).focus({ preventScroll: true });
    if (bottom) node.scrollIntoView({ block: "nearest" });
  } else {
    log.append(node);
    reveal(node);
  }
}

function remove(number) {
  messages = messages.filter((m) => m.message_id !== number);
  for (const message of messages) {
    if (message.reply_to_message?.message_id !== number) continue;
    delete message.reply_to_message;
    $(`m${message.message_id}`)?.replaceWith(bubble(message));
  }
  keep("messages", JSON.stringify(messages.slice(-200)));
  $(`m${number}`)?.remove();
}

function reveal(node) {
  // A long answer is read from its beginning.
  if (node.offsetHeight > log.clientHeight) node.scrollIntoView({ block: "start" });
  else log.scrollTop = log.scrollHeight;
}

// ---- what the person does -----------------------------------------------------------------

function send(what) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(what));
  else outbox.push(what);
}

function write(text) {
  if (!text.trim()) return;
  begun = true;
  typing(true);
  send({ type: "text", text });
}

function press(message, data, node) {
  const key = crypto.randomUUID ? crypto.randomUUID() : String(Math.random());
  waiting.set(key, node);
  node.classList.add("waiting");
  setTimeout(() => node.classList.remove("waiting"), 8000);
  send({ type: "press", message, data, key });
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = element("textarea", { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  tell(say("copied"));
}

function tell(text) {
  notice.textContent = text;
  notice.hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { notice.hidden = true; }, 3500);
}

function typing(on) {
  clearTimeout(typingTimer);
  $("state").textContent = say(on ? "typing" : "ready");
  if (on) typingTimer = setTimeout(() => typing(false), 6000);
}

// ---- the connection -----------------------------------------------------------------------

function connect() {
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/chat`);
  socket.addEventListener("open", () => {
    pause = 500;
    // The server keeps nothing over a restart: what is shown here is brought along.
    socket.send(JSON.stringify({ type: "hello", chat, language, messages }));
  });
  socket.addEventListener("close", () => {
    $("state").textContent = say("lost");
    setTimeout(connect, pause);
    pause = Math.min(pause * 2, 5000);
  });
  socket.addEventListener("message", (event) => hear(JSON.parse(event.data)));
}

function hear(event) {
  switch (event.type) {
    case "joined":
      chat = event.chat;
      keep("chat", String(chat));
      $("name").textContent = document.title = event.bot;
      typing(false);
      outbox.splice(0).forEach(send);
      if (!begun) write("/start");
      break;
    case "message":
      show(event.message);
      typing(!event.message.from.is_bot);
      break;
    case "edit":
      show(event.message);
      break;
    case "delete":
      remove(event.message_id);
      break;
    case "pressed":
      if (waiting.has(event.key)) waiting.set(event.query, waiting.get(event.key));
      waiting.delete(event.key);
      break;
    case "answer":
      waiting.get(event.query)?.classList.remove("waiting");
      waiting.delete(event.query);
      if (event.text) tell(event.text);
      break;
    case "typing":
      typing(true);
      break;
    case "commands":
      commands = event.commands;
      $("commands").hidden = commands.length === 0;
      break;
  }
}

// ---- the frame ----------------------------------------------------------------------------

function dress() {
  document.documentElement.lang = language;
  $("language-label").textContent = say("language");
  for (const [id, key, sign] of [["theme", "theme", "◐"], ["send", "send", "➤"], ["commands", "commands", "/"]]) {
    $(id).textContent = sign;
    $(id).setAttribute("aria-label", say(key));
    $(id).title = say(key);
  }
  field.placeholder = "Message";
  log.setAttribute("aria-label", "Chat");
}

function toggleMenu(open) {
  menu.hidden = !open;
  $("commands").setAttribute("aria-expanded", String(open));
  if (!open) return;
  menu.replaceChildren(...commands.map((command) => {
    const item = element("button", { type: "button" }, element("b", {}, `/${command.command}`), element("span", {}, command.description));
    item.addEventListener("click", () => { toggleMenu(false); write(`/${command.command}`); field.focus(); });
    return item;
  }));
  menu.querySelector("button")?.focus();
}

const autonyms = (tag) => {
  const name = new Intl.DisplayNames([tag], { type: "language" }).of(tag);
  return name[0].toLocaleUpperCase(tag) + name.slice(1);
};
for (const tag of LANGUAGES) $("language").append(element("option", { value: tag, textContent: autonyms(tag), lang: tag }));
$("language").value = language;
$("language").addEventListener("change", () => {
  language = $("language").value;
  keep("language", language);
  dress();
  typing(false);
  send({ type: "language", language });
});

$("theme").addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "light" : "dark";
});

$("commands").addEventListener("click", () => toggleMenu(menu.hidden));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !menu.hidden) { toggleMenu(false); $("commands").focus(); }
});
document.addEventListener("click", (event) => {
  if (!menu.hidden && !menu.contains(event.target) && event.target !== $("commands")) toggleMenu(false);
});

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  write(field.value);
  field.value = "";
  grow();
  field.focus();
});
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("composer").requestSubmit();
  }
});
field.addEventListener("input", grow);
function grow() {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight + 2, 144)}px`;
}

dress();
for (const message of messages) log.append(bubble(message));
log.scrollTop = log.scrollHeight;
connect();
