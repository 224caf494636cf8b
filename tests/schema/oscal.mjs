// Holds an OSCAL document to NIST's JSON schema: oscal.mjs SCHEMA DOCUMENT. Prints `valid`, or what is wrong (exit 1).

import { readFileSync } from "node:fs";
import Ajv from "ajv";
import addFormats from "ajv-formats";

const [schema, document] = process.argv.slice(2, 4).map((path) => JSON.parse(readFileSync(path, "utf8")));
const ajv = new Ajv({ strict: false, unicodeRegExp: true, allErrors: false });
addFormats(ajv);
const validate = ajv.compile(schema);
if (!validate(document)) {
  console.error(ajv.errorsText(validate.errors, { separator: "\n" }));
  process.exit(1);
}
console.log("valid");
