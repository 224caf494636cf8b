// Opens a page in headless Chromium, fills in its fields, lets it check a file, and prints what it says and every
// request that it made:
//   node drive.mjs CHROMIUM PAGE ZIP VKEY SIGNERS [SCRIPT-BEFORE]
import { onPage } from "./browser.mjs";

const [chromium, page, zip, vkey, signers, before] = process.argv.slice(2);

await onPage(chromium, page, async (send, evaluate) => {
  const { root } = await send("DOM.getDocument");
  const { nodeId } = await send("DOM.querySelector", { nodeId: root.nodeId, selector: "#bundle" });
  await send("DOM.setFileInputFiles", { nodeId, files: [zip] });
  await evaluate(`document.getElementById("vkey").value = ${JSON.stringify(vkey)}; document.getElementById("signers").value = ${JSON.stringify(signers)}; document.getElementById("check").click()`);
  while (await evaluate(`["idle", "running"].includes(document.getElementById("verdict").dataset.state)`)) await evaluate("new Promise((done) => setTimeout(done, 20))");
  const said = await evaluate(`({ state: document.getElementById("verdict").dataset.state, verdict: document.getElementById("verdict").textContent, lines: [...document.querySelectorAll("#lines li")].map((line) => line.textContent) })`);
  // What the page would not be able to send, if it tried.
  const fetch = await evaluate(`fetch("http://127.0.0.1:9/").then(() => "sent", (error) => "refused")`);
  return { ...said, fetch };
}, before);
