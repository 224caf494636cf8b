// Opens a page in headless Chromium over the DevTools pipe (no port, no packages), and keeps every request that it
// makes. What is done with the page is in `drive.mjs` and `print.mjs`.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

// Runs `act` on the page once it is loaded, prints what that gives, with the requests, as JSON, and ends.
export async function onPage(chromium, page, act, before) {
  const profile = mkdtempSync(join(tmpdir(), "drive-"));
  const args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--remote-debugging-pipe", `--user-data-dir=${profile}`, "about:blank"];
  const browser = spawn(chromium, args, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
  const end = (code) => {
    browser.kill("SIGKILL");
    // Its last writes may still come: whatever stays is in the folder for temporary files.
    try { rmSync(profile, { recursive: true, force: true, maxRetries: 5 }); } catch { /* see above */ }
    process.exit(code);
  };
  browser.on("exit", () => { console.error("the browser ended"); end(1); });
  setTimeout(() => { console.error("not within five minutes"); end(1); }, 300000);

  let last = 0, held = "";
  const waiting = new Map(), requests = [], blocked = [];
  browser.stdio[4].setEncoding("utf8");
  browser.stdio[4].on("data", (data) => {
    held += data;
    for (let cut; (cut = held.indexOf("\0")) >= 0; held = held.slice(cut + 1)) {
      const message = JSON.parse(held.slice(0, cut));
      if (message.id) {
        const { resolve, reject } = waiting.get(message.id);
        waiting.delete(message.id);
        if (message.error) reject(new Error(JSON.stringify(message.error))); else resolve(message.result);
      } else if (message.method === "Network.requestWillBeSent") requests.push(message.params.request.url);
      else if (message.method === "Log.entryAdded") blocked.push(message.params.entry.text);
    }
  });
  const call = (method, params = {}, sessionId = undefined) => new Promise((resolve, reject) => {
    waiting.set(++last, { resolve, reject });
    browser.stdio[3].write(JSON.stringify({ id: last, method, params, sessionId }) + "\0");
  });

  try {
    const { targetId } = await call("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await call("Target.attachToTarget", { targetId, flatten: true });
    const send = (method, params) => call(method, params, sessionId);
    const evaluate = async (expression) => {
      const said = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
      if (said.exceptionDetails) throw new Error(JSON.stringify(said.exceptionDetails));
      return said.result.value;
    };
    await send("Page.enable"); await send("Network.enable"); await send("Log.enable"); await send("DOM.enable");
    if (before) await send("Page.addScriptToEvaluateOnNewDocument", { source: before });
    const url = pathToFileURL(page).href;
    await send("Page.navigate", { url });
    while (!await evaluate(`location.href === ${JSON.stringify(url)} && document.readyState === "complete"`)) await evaluate("new Promise((done) => setTimeout(done, 20))");
    const said = await act(send, evaluate);
    console.log(JSON.stringify({ ...said, requests: requests.filter((r) => r !== url), blocked }));
    browser.removeAllListeners("exit");
    end(0);
  } catch (error) {
    console.error(String(error));
    end(1);
  }
}
