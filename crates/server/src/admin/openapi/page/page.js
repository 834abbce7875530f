"use strict";
// Shows the OpenAPI document and sends requests. Everything from the document and from answers is
// put in as text, never as HTML.

const METHODS = ["get", "post", "put", "patch", "delete"];
let api;

function el(name, properties, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

function resolve(thing) {
  let steps = 0;
  while (thing && thing.$ref && steps++ < 10) {
    thing = thing.$ref.slice(2).split("/").reduce(
      (at, key) => at?.[key.replace(/~1/g, "/").replace(/~0/g, "~")], api);
  }
  return thing ?? {};
}

// A value that fits a schema: what is required, with empty or smallest values.
function example(schema, depth = 0) {
  schema = resolve(schema);
  if (schema.examples?.length) return schema.examples[0];
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const choice = (schema.oneOf ?? schema.anyOf)?.find((one) => one.type !== "null");
  if (choice) return example(choice, depth + 1);
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((one) => example(one, depth)));
  const type = [schema.type].flat().find((one) => one !== "null");
  if (depth > 6) return null;
  switch (type) {
    case "object": {
      const wanted = schema.required ?? [];
      const entries = Object.entries(schema.properties ?? {}).filter(([key]) => wanted.includes(key));
      return Object.fromEntries(entries.map(([key, value]) => [key, example(value, depth + 1)]));
    }
    case "array": return [example(schema.items ?? {}, depth + 1)];
    case "integer": case "number": return schema.minimum ?? 0;
    case "boolean": return false;
    case "string": return "";
    default: return null;
  }
}

function typeOf(schema) {
  if (schema?.$ref) return schema.$ref.split("/").pop();
  const parts = schema?.oneOf ?? schema?.anyOf;
  if (parts) return parts.map(typeOf).join(" or ");
  if (schema?.type === "array") return `list of ${typeOf(schema.items)}`;
  return [schema?.type ?? "anything"].flat().join(" or ");
}

function fields(schema) {
  const properties = Object.entries(resolve(schema).properties ?? {});
  if (!properties.length) return "";
  const needed = resolve(schema).required ?? [];
  const row = ([name, value]) => el("tr", {},
    el("td", {}, el("code", { textContent: name + (needed.includes(name) ? " *" : "") })),
    el("td", { textContent: typeOf(value) }),
    el("td", { textContent: value.description ?? resolve(value).description ?? "" }));
  return el("table", {}, ...properties.map(row));
}

function operation(path, method, it) {
  const parameters = (it.parameters ?? []).map(resolve);
  const inputs = new Map();
  const row = (parameter) => {
    const input = el("input", { size: 36, placeholder: parameter.required ? "required" : "" });
    inputs.set(parameter, input);
    const text = parameter.description ?? "";
    return el("tr", {},
      el("td", {}, el("code", { textContent: parameter.name + (parameter.required ? " *" : "") })),
      el("td", {}, input), el("td", { textContent: `${parameter.in}. ${text}` }));
  };
  const [type, media] = Object.entries(resolve(it.requestBody).content ?? {})[0] ?? [];
  const body = type && el("textarea", {
    spellcheck: false,
    value: type.includes("json") && !type.includes("lines") && !type.includes("ndjson")
      ? JSON.stringify(example(media.schema), null, 2) : "",
  });
  const answer = el("pre", { hidden: true });
  const send = el("button", { textContent: "Send" });
  send.onclick = () => run(path, method, inputs, type, body, answer);
  const statuses = Object.entries(it.responses ?? {}).map(([status, response]) => el("tr", {},
    el("td", {}, el("code", { textContent: status })),
    el("td", { textContent: resolve(response).description ?? "" })));
  const scope = it.security?.[0]?.token?.[0];
  const inside = el("div", { className: "inside" });
  const node = el("details", {},
    el("summary", {},
      el("span", { className: `method ${method}`, textContent: method.toUpperCase() }),
      el("span", { className: "path", textContent: path }),
      el("span", { className: "words", textContent: it.summary ?? "" })), inside);
  node.dataset.text = `${method} ${path} ${it.summary ?? ""} ${it.operationId}`.toLowerCase();
  // Built when it is opened: the page has many.
  node.addEventListener("toggle", () => inside.append(
    el("p", { textContent: it.description ?? "" }),
    el("p", {}, scope ? el("span", { className: "scope", textContent: `scope ${scope}` })
      : "needs no token"),
    el("table", {}, ...parameters.map(row)),
    ...(body ? [el("p", { textContent: `Body (${type})` }), body, fields(media.schema)] : []),
    send, answer,
    el("details", {}, el("summary", { textContent: "Answers" }), el("table", {}, ...statuses)),
  ), { once: true });
  return node;
}

async function run(path, method, inputs, type, body, answer) {
  const query = new URLSearchParams();
  const headers = {};
  for (const [parameter, input] of inputs) {
    if (parameter.in === "path") {
      path = path.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    } else if (input.value !== "" && parameter.in === "query") {
      query.append(parameter.name, input.value);
    } else if (input.value !== "" && parameter.in === "header") {
      headers[parameter.name] = input.value;
    }
  }
  const token = document.getElementById("token").value.trim();
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = type;
  const url = path + (query.size ? `?${query}` : "");
  answer.hidden = false;
  answer.className = "";
  answer.textContent = "…";
  try {
    const options = { method: method.toUpperCase(), headers, credentials: "omit" };
    if (body) options.body = body.value;
    const response = await fetch(url, options);
    answer.className = response.ok ? "" : "bad";
    answer.textContent = `${method.toUpperCase()} ${url}\n${response.status} ${response.statusText}\n`;
    const etag = response.headers.get("etag");
    if (etag) answer.textContent += `ETag: ${etag}\n`;
    answer.textContent += "\n";
    await show(response, answer);
  } catch (error) {
    answer.className = "bad";
    answer.textContent = `${method.toUpperCase()} ${url}\n${error}`;
  }
}

// A JSON answer is shown whole and indented, others as they come in, at most 200 000 characters.
async function show(response, answer) {
  if ((response.headers.get("content-type") ?? "").match(/json\b(?!-?l)/)) {
    const text = await response.text();
    try {
      answer.textContent += JSON.stringify(JSON.parse(text), null, 2).slice(0, 200000);
    } catch {
      answer.textContent += text.slice(0, 200000);
    }
    return;
  }
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  while (reader && answer.textContent.length < 200000) {
    const { value, done } = await reader.read();
    if (done) return;
    answer.textContent += value;
  }
  await reader?.cancel();
}

async function start() {
  const main = document.getElementById("operations");
  try {
    api = await (await fetch("/api/v1/openapi.json", { credentials: "omit" })).json();
  } catch (error) {
    main.replaceChildren(el("p", { className: "bad", textContent: String(error) }));
    return;
  }
  document.getElementById("version").textContent = api.info.version;
  document.getElementById("about").textContent = api.info.description;
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((method) => item[method])) {
      const tag = item[method].tags?.[0] ?? "other";
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operation(path, method, item[method]));
    }
  }
  const sections = [...groups].sort().map(([tag, operations]) =>
    el("section", {}, el("h2", { textContent: tag }), ...operations));
  main.replaceChildren(...sections);
  document.getElementById("find").oninput = (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const section of sections) {
      const all = [...section.querySelectorAll(":scope > details")];
      all.forEach((one) => { one.hidden = !one.dataset.text.includes(wanted); });
      section.hidden = all.every((one) => one.hidden);
    }
  };
}

start();
