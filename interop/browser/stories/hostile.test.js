// Names and values that were made to harm whoever looks at them: they are text, and break nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Browser } from "../browser.js";
import { Factree } from "../factree.js";
import { connect, edgeNode } from "../plant.js";

const IMAGE = "<img src=x onerror=globalThis.harmed=1>";
const REVERSED = "\u202egnp.exe\u202c";
const LONG = "L".repeat(10_000);
/** As long as a name of the tree may be. */
const LONG_NAME = LONG.slice(0, 1024);
const SCRIPT = "<script>globalThis.harmed=1<\u002fscript>";
/** Names of metrics; what stands behind a `/` is a name of its own. */
const NAMES = [IMAGE, REVERSED, "__proto__", "constructor", SCRIPT, "a+b#c", "%2e%2e", "' onload='harmed=1"];
const [GROUP, NODE, DEVICE] = ["<b>G<b>", IMAGE, "__proto__"];

test("names and values made to harm are text on every page", async (story) => {
  const factree = await Factree.start();
  story.after(() => factree.close());
  const browser = await Browser.start();
  story.after(() => browser.close());

  const properties = {
    engUnit: { type: "String", value: IMAGE },
    constructor: { type: "String", value: SCRIPT },
    [IMAGE]: { type: "String", value: REVERSED },
  };
  const metrics = NAMES.map((name) => ({ name, type: "String", value: name, properties }));
  const node = await edgeNode({
    port: factree.mqtt,
    group: GROUP,
    node: NODE,
    device: DEVICE,
    deviceMetrics: [...metrics, { name: "moving", type: "Double", value: 1 }],
    gap: true,
  });
  story.after(() => node.kill());
  const long = await connect(factree.mqtt, LONG_NAME);
  story.after(() => long.endAsync());
  const client = await connect(factree.mqtt, IMAGE);
  story.after(() => client.endAsync());
  await client.subscribeAsync(`Plant/${IMAGE}`);
  await client.publishAsync("Plant/Doc", '{"__proto__": {"harmed": true}, "constructor": 1, "plain": "<i>x</i>"}', {
    qos: 1,
  });
  await client.publishAsync(`Plant/${REVERSED}`, "1", { qos: 1 });
  await client.publishAsync(`Plant/${LONG_NAME}`, LONG, { qos: 1 });

  const page = await browser.open(`${factree.url}/ns`);
  const isUnharmed = async (where) => {
    assert.equal(await page.evaluate(() => globalThis.harmed ?? {}.harmed ?? null), null, `${where}: harmed`);
    assert.deepEqual(
      await page.evaluate(() =>
        [...document.querySelectorAll("main :is(img, script, b, i)")].map((it) => it.outerHTML),
      ),
      [],
      where,
    );
  };
  const look = async (path, name) => {
    await page.goto(`${factree.url}/ns?path=${encodeURIComponent(path)}`);
    await page.locator(".details h1").waitFor();
    if (name !== undefined) await page.locator(".reading").getByText(name, { exact: false }).first().waitFor();
    await isUnharmed(path.slice(0, 80));
  };
  const device = `${GROUP}/${NODE}/${DEVICE}`;
  for (const name of NAMES)
    await look(`${device}/${name}`, name === REVERSED ? "⟨U+202E⟩gnp.exe⟨U+202C⟩" : name.slice(0, 100));
  await page.getByRole("button", { name: "Copy path" }).waitFor();
  await look("Plant/Doc/__proto__/harmed", "true");
  await look(`Plant/${REVERSED}`, "1");
  await page.locator(".tree").getByText("⟨U+202E⟩gnp.exe⟨U+202C⟩").waitFor();
  await look(`Plant/${LONG_NAME}`);
  const shown = await page.locator(".reading bdi").first().textContent();
  assert.ok(shown.length < 400, "a long text is clipped");
  await page.getByRole("button", { name: "show all 10,000 characters" }).last().click();
  await page.waitForFunction(() => document.querySelector(".details")?.textContent.includes("L".repeat(10_000)));

  await page.keyboard.press("/");
  await page.keyboard.type("onerror");
  await page.locator("[role=option]").first().waitFor();
  await isUnharmed("search");
  const edgeNodePage = `/edge-nodes?group=${encodeURIComponent(GROUP)}&edge_node=${encodeURIComponent(NODE)}`;
  for (const path of [
    "/",
    "/edge-nodes",
    "/findings",
    "/unplaced",
    "/clients",
    `/clients?id=${encodeURIComponent(IMAGE)}`,
    `/clients?id=${LONG_NAME}`,
    edgeNodePage,
  ]) {
    await page.goto(factree.url + path);
    await page.waitForFunction(() => document.querySelector("main")?.innerText.length > 40);
    await isUnharmed(path);
  }
});
