// Opens a page in headless Chromium, lets it check a file, and chooses another one after that, and while a check is
// still going on. Prints what the page says each time:
//   node another.mjs CHROMIUM PAGE ZIP VKEY SIGNERS ANOTHER-ZIP
import { onPage } from "./browser.mjs";

const [chromium, page, zip, vkey, signers, another] = process.argv.slice(2);

await onPage(chromium, page, async (send, evaluate) => {
  const { root } = await send("DOM.getDocument");
  const { nodeId } = await send("DOM.querySelector", { nodeId: root.nodeId, selector: "#bundle" });
  const choose = (file) => send("DOM.setFileInputFiles", { nodeId, files: [file] });
  const verdict = () => evaluate(`({ state: document.getElementById("verdict").dataset.state, verdict: document.getElementById("verdict").textContent, lines: document.querySelectorAll("#lines li").length })`);
  const until = async (what) => { while (!await evaluate(what)) await evaluate("new Promise((done) => setTimeout(done, 20))"); };
  await choose(zip);
  await evaluate(`document.getElementById("vkey").value = ${JSON.stringify(vkey)}; document.getElementById("signers").value = ${JSON.stringify(signers)}; document.getElementById("check").click()`);
  await until(`!["idle", "running"].includes(document.getElementById("verdict").dataset.state)`);
  const first = await verdict();
  await choose(another);
  const chosen = await verdict();
  await choose(zip);
  await evaluate(`document.getElementById("vkey").dispatchEvent(new Event("input"))`);
  // That run ends only after another file was chosen.
  await evaluate(`window.ended = false; window.chosen = new Promise((done) => { window.choose = done; }); { const run = check; check = async (...all) => { try { return await run(...all); } finally { await window.chosen; setTimeout(() => { window.ended = true; }); } }; } document.getElementById("check").click()`);
  await until(`document.getElementById("verdict").dataset.state === "running"`);
  await choose(another);
  await evaluate("window.choose()");
  await until("window.ended");
  return { first, chosen, late: await verdict() };
});
