"use strict";

// Renders /openapi.json. Text reaches the page through textContent only, never as markup.

const METHODS = ["get", "post", "put", "patch", "delete"];

/** Makes an element; children are elements or text. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

/** Follows a local $ref. */
function resolved(api, value) {
  if (!value || !value.$ref) return value;
  return value.$ref.slice(2).split("/").reduce((at, key) => at && at[key], api);
}

/** A schema as a JSON-like outline. Depth bounds schemas that contain themselves. */
function outline(api, schema, depth = 0) {
  const name = schema && schema.$ref ? schema.$ref.split("/").pop() : undefined;
  schema = resolved(api, schema);
  if (!schema) return "any";
  if (depth > 5) return name || "…";
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const choices = schema.oneOf || schema.anyOf;
  if (choices) return choices.map((choice) => outline(api, choice, depth)).join(" | ");
  if (schema.allOf) return schema.allOf.map((part) => outline(api, part, depth)).join(" & ");
  const type = Array.isArray(schema.type) ? schema.type.join(" | ") : schema.type;
  if (schema.items) return `[${outline(api, schema.items, depth + 1)}]`;
  if (schema.properties) return object(api, schema, depth);
  return (type || "any") + (schema.format ? ` (${schema.format})` : "");
}

function object(api, schema, depth) {
  const pad = "  ".repeat(depth + 1);
  const required = new Set(schema.required || []);
  const lines = Object.entries(schema.properties).map(([key, value]) => {
    const mark = required.has(key) ? "" : "?";
    return `${pad}${key}${mark}: ${outline(api, value, depth + 1)}`;
  });
  return `{\n${lines.join("\n")}\n${"  ".repeat(depth)}}`;
}

function content(api, holder) {
  return Object.entries((holder && holder.content) || {}).flatMap(([type, media]) => [
    element("p", {}, element("code", {}, type)),
    element("pre", {}, outline(api, media.schema)),
  ]);
}

function parameters(api, list) {
  if (list.length === 0) return [];
  const rows = list.map((given) => {
    const parameter = resolved(api, given);
    return element("tr", {},
      element("td", {}, element("code", {}, parameter.name)),
      element("td", {}, parameter.in + (parameter.required ? ", required" : "")),
      element("td", {}, outline(api, parameter.schema)),
      element("td", {}, parameter.description || ""));
  });
  const head = ["Name", "In", "Type", ""].map((title) => element("th", {}, title));
  return [element("h3", {}, "Parameters"), element("table", {}, element("tr", {}, ...head), ...rows)];
}

function operation(api, path, method, item) {
  const described = item[method];
  const body = element("div", { class: "body" });
  if (described.description) body.append(element("p", {}, described.description));
  body.append(...parameters(api, [...(item.parameters || []), ...(described.parameters || [])]));
  const request = resolved(api, described.requestBody);
  if (request) body.append(element("h3", {}, "Request"), ...content(api, request));
  for (const [status, given] of Object.entries(described.responses || {})) {
    const response = resolved(api, given);
    body.append(element("h3", {}, `${status} ${response.description || ""}`), ...content(api, response));
  }
  const title = element("summary", {},
    element("span", { class: "method" }, method.toUpperCase()),
    element("code", {}, path),
    element("span", {}, described.summary || ""));
  const shown = element("details", {}, title, body);
  shown.dataset.text = `${method} ${path} ${described.summary || ""}`.toLowerCase();
  return shown;
}

function render(api) {
  document.getElementById("title").textContent = `${api.info.title} ${api.info.version}`;
  document.getElementById("description").textContent = api.info.description || "";
  const groups = new Map((api.tags || []).map((tag) => [tag.name, element("section", {}, element("h2", {}, tag.name))]));
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((method) => item[method])) {
      const group = groups.get((item[method].tags || [])[0]);
      if (group) group.append(operation(api, path, method, item));
    }
  }
  document.getElementById("operations").replaceChildren(...groups.values());
}

function filter(event) {
  const wanted = event.target.value.trim().toLowerCase();
  for (const shown of document.querySelectorAll("details")) shown.hidden = !shown.dataset.text.includes(wanted);
}

document.getElementById("filter").addEventListener("input", filter);
fetch("/openapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`status ${answer.status}`))))
  .then(render)
  .catch((error) => {
    document.getElementById("operations").textContent = `The description could not be read: ${error.message}`;
  });
