// Holds recorded GitHub exchanges to GitHub's own published schemas.
//
// Reads JSON lines on standard input: {"request": {"method", "url", "body"}, "status", "body"}, bodies as
// text. GraphQL: the document must be valid, and executing it over the recorded data must give the
// recorded data. REST: query and body of the request and the body of the answer must be what the OpenAPI document
// says of the operation and status.
// Prints how many exchanges it held, or the first differences (exit 1).

import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import Ajv from "ajv";
import addFormats from "ajv-formats";
import { buildSchema, execute, parse, validate } from "graphql";

// Read as files: the packages export only parsed forms of them.
const published = (path) => readFileSync(new URL(`node_modules/${path}`, import.meta.url), "utf8");

const DIFFERENCES_MAX = 10;
const differences = [];
const differ = (where, what) => differences.push(`${where}: ${what}`);

let graphqlSchema;
// The published document defines two fields twice, so it can only be taken as it is.
const graphql = () =>
  (graphqlSchema ??= buildSchema(published("@octokit/graphql-schema/schema.graphql"), { assumeValidSDL: true }));

function checkGraphql(where, { request, body }) {
  const { query, variables } = JSON.parse(request.body);
  const document = parse(query);
  for (const error of validate(graphql(), document)) differ(where, error.message);
  if (differences.length > 0) return;
  const { data, errors } = JSON.parse(body);
  if (data === undefined || data === null || errors) return;
  const again = execute({
    schema: graphql(),
    document,
    variableValues: variables,
    rootValue: data,
    fieldResolver: (source, _arguments, _context, info) => source[info.path.key],
    typeResolver: (value) => value.__typename,
  });
  for (const error of again.errors ?? []) differ(where, `${error.path?.join(".")}: ${error.message}`);
  if (!isDeepStrictEqual(JSON.parse(JSON.stringify(again.data)), data)) differ(where, "the data has fields that were not asked for");
}

let openapiDocument;
const openapi = () =>
  (openapiDocument ??= JSON.parse(published("@octokit/openapi/generated/api.github.com.json")));

function operation(method, path) {
  // GitHub's own next links name a repository by its number.
  const segments = path.replace(/^\/repositories\/\d+\//, "/repos/example/example/").split("/");
  const fits = (template) => {
    const parts = template.split("/");
    return parts.length === segments.length && parts.every((part, i) => part.startsWith("{") || part === segments[i]);
  };
  const wildcards = (template) => template.split("{").length;
  const found = Object.keys(openapi().paths).filter(fits).sort((a, b) => wildcards(a) - wildcards(b))[0];
  return found && openapi().paths[found][method.toLowerCase()];
}

// OpenAPI 3.0 says `nullable`; JSON Schema does not know the word.
function plain(schema) {
  if (Array.isArray(schema)) return schema.map(plain);
  if (schema === null || typeof schema !== "object") return schema;
  const { nullable, ...rest } = Object.fromEntries(
    Object.entries(schema).filter(([key]) => key !== "example" && key !== "examples").map(([key, value]) => [key, plain(value)]),
  );
  if (rest.$ref) rest.$ref = rest.$ref.replace("#/components/schemas/", "#/definitions/");
  return nullable === true ? { anyOf: [rest, { type: "null" }] } : rest;
}

function withDefinitions(schema) {
  const definitions = {};
  const collect = (text) => {
    for (const [, name] of text.matchAll(/"#\/definitions\/([^"]+)"/g)) {
      if (definitions[name]) continue;
      definitions[name] = plain(openapi().components.schemas[name]);
      collect(JSON.stringify(definitions[name]));
    }
  };
  const root = plain(schema);
  collect(JSON.stringify(root));
  return { ...root, definitions };
}

const ajv = new Ajv({ strict: false, allErrors: true });
addFormats(ajv);
const validators = new Map();

function hold(where, schema, value) {
  const key = JSON.stringify(schema);
  if (!validators.has(key)) validators.set(key, ajv.compile(withDefinitions(schema)));
  const valid = validators.get(key);
  if (valid(value)) return;
  for (const error of valid.errors.slice(0, 3)) differ(where, `${error.instancePath || "/"} ${error.message}`);
}

function checkRequest(where, { url, body }, { parameters = [], requestBody }) {
  const named = parameters.map((parameter) =>
    parameter.$ref ? openapi().components.parameters[parameter.$ref.split("/").pop()] : parameter);
  for (const [name, text] of new URL(url).searchParams) {
    const parameter = named.find((parameter) => parameter.in === "query" && parameter.name === name);
    if (!parameter) differ(where, `no query \`${name}\``);
    else hold(`${where}, query ${name}`, parameter.schema, parameter.schema.type === "integer" ? Number(text) : text);
  }
  const schema = requestBody?.content["application/json"].schema;
  if (body !== "" && !schema) return differ(where, "takes no body");
  if (body === "") return;
  const value = JSON.parse(body);
  const known = JSON.stringify(schema);
  for (const key of Object.keys(value)) if (!known.includes(`"${key}":`)) differ(where, `no key \`${key}\``);
  hold(`${where}, request`, schema, value);
}

function checkRest(where, { request, status, body }) {
  if (status === 304) {
    if (body !== "") differ(where, "304 with a body");
    return;
  }
  const found = operation(request.method, new URL(request.url).pathname);
  if (!found) return differ(where, "not an operation of the published document");
  const named = found.responses[status];
  const response = named?.$ref ? openapi().components.responses[named.$ref.split("/").pop()] : named;
  const schema = response?.content?.["application/json"]?.schema ?? { $ref: "#/components/schemas/basic-error" };
  if (status < 400 && !named) return differ(where, `status ${status} is not documented`);
  checkRequest(where, request, found);
  hold(where, schema, JSON.parse(body));
}

let held = 0;
for (const line of readFileSync(0, "utf8").split("\n")) {
  if (line === "") continue;
  const exchange = JSON.parse(line);
  const { method, url } = exchange.request;
  const where = `exchange ${++held}, ${method} ${new URL(url).pathname}`;
  try {
    (new URL(url).pathname.endsWith("/graphql") ? checkGraphql : checkRest)(where, exchange);
  } catch (error) {
    differ(where, error.message);
  }
  if (differences.length > 0) break;
}
if (held === 0) differ("input", "no exchange");
if (differences.length > 0) {
  console.error(differences.slice(0, DIFFERENCES_MAX).join("\n"));
  process.exit(1);
}
console.log(`${held} exchanges held to GitHub's published schemas`);
