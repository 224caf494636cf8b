// Prints a page to PDF in headless Chromium, and says how many sheets that makes, what it shows, and every request that
// it made:
//   node print.mjs CHROMIUM PAGE
import { onPage } from "./browser.mjs";

const [chromium, page] = process.argv.slice(2);

await onPage(chromium, page, async (send, evaluate) => {
  const { data } = await send("Page.printToPDF", { preferCSSPageSize: true, printBackground: true });
  const sheets = Buffer.from(data, "base64").toString("latin1").match(/\/Type\s*\/Page\b(?!s)/g) ?? [];
  const seen = await evaluate(`({ text: document.body.innerText, wide: document.documentElement.scrollWidth > window.innerWidth, scripts: document.scripts.length })`);
  return { sheets: sheets.length, ...seen };
});
