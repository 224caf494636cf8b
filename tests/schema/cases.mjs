// Holds files to the schema of their form that the program prints (draft 2020-12).
//
// Reads JSON on standard input: {"schema": ..., "files": [...]}. Prints a JSON array with, for each file,
// null if it is valid, or what is wrong first.

import { readFileSync } from "node:fs";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const { schema, files } = JSON.parse(readFileSync(0, "utf8"));
const ajv = new Ajv2020({ strict: false });
addFormats(ajv);
// Widths of integers are for programmers; the ranges beside them say it all.
for (const width of ["uint32", "uint64"]) ajv.addFormat(width, true);
const valid = ajv.compile(schema);
const wrong = ({ instancePath, message, params }) => `${instancePath || "/"} ${message} ${JSON.stringify(params)}`;
console.log(JSON.stringify(files.map((file) => (valid(file) ? null : wrong(valid.errors[0])))));
