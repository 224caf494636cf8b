// Holds messages for Teams to Microsoft's own parser of Adaptive Cards: one JSON message a line on standard input.
// Prints how many, or what the parser complains of (exit 1).

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";

const cards = createRequire(import.meta.url)("adaptivecards/dist/adaptivecards.js");

const wrong = (what) => {
  console.error(what);
  process.exit(1);
};

let held = 0;
for (const line of readFileSync(0, "utf8").split("\n").filter((line) => line !== "")) {
  const { type, attachments, ...others } = JSON.parse(line);
  if (type !== "message" || attachments.length !== 1 || Object.keys(others).length > 0) wrong("not a message with one card");
  const { contentType, contentUrl, content } = attachments[0];
  if (contentType !== "application/vnd.microsoft.card.adaptive" || contentUrl !== null) wrong("not an adaptive card");
  if (Buffer.byteLength(line) > 28 * 1024) wrong(`${Buffer.byteLength(line)} bytes`);
  const context = new cards.SerializationContext(cards.Versions.v1_2);
  const card = new cards.AdaptiveCard();
  card.parse(content, context);
  for (let i = 0; i < context.eventCount; i++) wrong(context.getEventAt(i).message);
  // What the parser does not know it leaves out; defaults too.
  const texts = (node) =>
    Array.isArray(node) ? node.flatMap(texts)
    : node !== null && typeof node === "object" ? Object.entries(node).flatMap(([key, value]) => (key === "text" ? [value] : texts(value)))
    : [];
  if (!isDeepStrictEqual(texts(card.toJSON(context)), texts(content))) wrong("the parser has read another text");
  held++;
}
console.log(held);
