// What the pages show when something is wrong: with an Edge Node, with placement, with the connection, with Factree
// itself.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, barriers } from "../browser.js";
import { eventually, Factree, lastingPort } from "../factree.js";
import { connect, edgeNode, RULES, troubledPlant } from "../plant.js";

const METRIC = {
  name: "Temperature",
  type: "Double",
  value: 71.5,
  properties: { engUnit: { type: "String", value: "°C" } },
};

let browser;

before(async () => {
  browser = await Browser.start();
});
after(() => browser.close());

test("an Edge Node that is killed is shown Stale and offline within two seconds", async (story) => {
  const factree = await Factree.start();
  story.after(() => factree.close());
  const node = await edgeNode({
    port: factree.mqtt,
    group: "Acme:Dallas:Press",
    node: "Line1",
    device: "Robot3",
    deviceMetrics: [METRIC],
  });
  const tree = await browser.open(`${factree.url}/ns/Acme/Dallas/Press/Line1/Robot3/Temperature`);
  const list = await browser.open(`${factree.url}/edge-nodes`);
  await tree.locator(".row[aria-selected=true] .quality").getByText("Good").waitFor();
  await tree.locator(".reading").getByText("Good").waitFor();
  await list.locator("tbody").getByText("Online").waitFor();
  await node.kill();
  await Promise.all([
    tree.locator(".row[aria-selected=true] .quality").getByText("Stale").waitFor({ timeout: 2000 }),
    tree.locator(".reading").getByText("Stale").waitFor({ timeout: 2000 }),
  ]);
  await list.locator("tbody").getByText("Offline").waitFor({ timeout: 5000 });
  await tree.context().close();
  await list.context().close();
});

test("after a restart of Factree the page says that its data are old, comes back by itself and goes on", async (story) => {
  const [http, mqtt] = [await lastingPort(), await lastingPort()];
  const factree = await Factree.start({ http, mqtt });
  story.after(() => factree.close());
  const line = { port: mqtt, group: "Acme:Dallas:Press", node: "Line1", nodeMetrics: [METRIC] };
  let node = await edgeNode(line);
  const page = await browser.open(`${factree.url}/ns/Acme/Dallas/Press/Line1/Temperature`);
  await page.locator(".reading").getByText("Good").waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
  await factree.stop();
  await page.getByText("What is shown is as of", { exact: false }).waitFor();
  await page.getByText("No connection", { exact: true }).waitFor();
  assert.equal(await page.title(), "✕ Temperature · Factree", "a tab in the background says it too");
  assert.equal(await page.locator("#icon").getAttribute("href"), "/ui/icon-lost.svg");
  await node.kill();
  await factree.again({ http, mqtt });
  await page.getByText("Live", { exact: true }).waitFor();
  await page.getByText("What is shown is as of", { exact: false }).waitFor({ state: "detached" });
  await page.locator(".reading").getByText("Stale").waitFor();
  node = await edgeNode(line);
  story.after(() => node.kill());
  await page.locator(".reading").getByText("Good").waitFor();
  const shown = await page.locator(".reading .big").textContent();
  await page.waitForFunction((shown) => document.querySelector(".reading .big")?.textContent !== shown, shown);
  await page.context().close();
});

test("what is unplaced, disputed, dead or against the rules is named, with what would mend it", async (story) => {
  const factree = await Factree.start({ config: RULES });
  story.after(() => factree.close());
  const plant = await troubledPlant(factree.mqtt);
  story.after(() => plant.close());
  await eventually(
    () => factree.get("/api/v1/findings?level=must"),
    ({ findings }) => findings.some(({ edge_node: node }) => node === "Line9"),
  );

  const page = await browser.open(`${factree.url}/unplaced`);
  await page.getByText("ULM_Paint / PLC 7").click();
  await page.getByText("does not match", { exact: false }).first().waitFor();
  await page.getByText('group  = "{enterprise}_{site}"', { exact: false }).waitFor();
  await page.getByRole("button", { name: "Try it" }).click();
  await page.getByText("1 would have a place, 0 would move, 0 would lose theirs.", { exact: false }).waitFor();
  await page.getByText("ULM/Paint/PLC 7", { exact: true }).waitFor();
  await page.getByLabel("group", { exact: true }).fill("{plant}");
  await page.getByRole("button", { name: "Try it" }).click();
  await page.getByText("rule 2, key `group`", { exact: false }).waitFor();
  await page.locator("summary .what").getByText("Acme/Dallas/Press/Line9/Press1/Temperature").click();
  await page.getByText("Placed by rule 1 at", { exact: false }).first().waitFor();
  assert.deepEqual(await barriers(page), []);

  await page.goto(`${factree.url}/findings`);
  await page.getByText("seq goes up by one", { exact: false }).click();
  await page.locator(".rule[open]").getByText("Acme:Dallas:Press / Line9").first().waitFor();
  assert.deepEqual(await barriers(page), []);

  await page.goto(`${factree.url}/`);
  await page.getByText("Acme:Dallas:Press / Line8").first().waitFor();
  await page.getByText("under _unplaced", { exact: false }).waitFor();
  assert.deepEqual(await barriers(page), []);

  await page.getByRole("link", { name: "All of it" }).click();
  await page.locator("tr", { hasText: "Acme:Dallas:Press / Line8" }).getByText("Offline", { exact: true }).waitFor();
  await page.getByLabel("Shown").selectOption("Clients");
  await page.locator("tr", { hasText: "legacy-gateway" }).getByText("Connected").waitFor();
  assert.deepEqual(await barriers(page), []);

  await page.goto(`${factree.url}/edge-nodes`);
  const dead = page.locator("tr", { hasText: "Line8" });
  await dead.getByText("Offline").waitFor();
  assert.equal(
    await page
      .locator("tbody tr:not(.space)")
      .first()
      .textContent()
      .then((text) => text.includes("Line8")),
    true,
    "who is dead comes first",
  );
  await page.getByRole("link", { name: "Line9" }).click();
  await page.locator("details[open]").getByText("seq goes up by one", { exact: false }).waitFor();
  assert.deepEqual(await barriers(page), []);
  await page.context().close();
});

test("a client is disconnected after a question, and its page says so", async (story) => {
  const factree = await Factree.start();
  story.after(() => factree.close());
  const client = await connect(factree.mqtt, "press/gateway #1", {
    protocolVersion: 5,
    properties: { sessionExpiryInterval: 600 },
  });
  await client.subscribeAsync("Acme/+/orders", { qos: 1 });
  const told = new Promise((resolve) => client.on("disconnect", resolve));
  const page = await browser.open(`${factree.url}/clients`);
  await page.getByRole("link", { name: "press/gateway #1" }).click();
  await page.getByText("Acme/+/orders").waitFor();
  await page.getByText("MQTT 5.0").waitFor();
  await page.getByRole("button", { name: "Disconnect…" }).click();
  await page.getByRole("dialog").getByText("press/gateway #1").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Disconnect" }).click();
  await page.getByText("Absent").waitFor();
  assert.equal((await told).reasonCode, 0x98, "Administrative action");
  assert.equal((await factree.get("/api/v1/clients")).clients[0].state, "absent");
  await page.context().close();
});

test("names that a browser would resolve are shown, followed and copied like others", async (story) => {
  const factree = await Factree.start();
  story.after(() => factree.close());
  const client = await connect(factree.mqtt, "dots");
  story.after(() => client.endAsync());
  await client.publishAsync("Acme/../Oven/.", "171.5", { qos: 1 });
  const page = await browser.open(`${factree.url}/ns`);
  for (const name of ["Acme", "..", "Oven", "."]) {
    const row = page.locator(".row").filter({ has: page.locator("bdi").getByText(name, { exact: true }) });
    await row.first().click();
  }
  await page.waitForURL((url) => url.searchParams.get("path") === "Acme/../Oven/.");
  await page.locator(".reading").getByText("171.5").waitFor();
  await client.publishAsync("Acme/../Oven/.", "172.5", { qos: 1 });
  await page.locator(".reading").getByText("172.5").waitFor();
  await page.reload();
  await page.locator(".reading").getByText("172.5").waitFor();
  await page.getByLabel("New value").fill("180");
  await page.getByRole("button", { name: "Set…" }).click();
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText("Confirmed").waitFor();
  assert.equal(await page.title(), ". · Factree");
  await page.context().close();
});

test("an element that appears is there without a reload, and one that is a table is shown as one", async (story) => {
  const factree = await Factree.start();
  story.after(() => factree.close());
  const client = await connect(factree.mqtt, "oven");
  story.after(() => client.endAsync());
  const page = await browser.open(`${factree.url}/ns`);
  await client.publishAsync(
    "Acme/Oven/Order",
    JSON.stringify({
      value: {
        columns: ["step", "°C"],
        types: ["String", "Double"],
        rows: [
          ["dry", 80.5],
          ["cure", 171],
        ],
      },
    }),
    { qos: 1 },
  );
  await page.locator(".row").getByText("Acme", { exact: true }).waitFor();
  await client.publishAsync("Acme/Oven/Recipe", JSON.stringify({ value: [1, 2, 3, 4, 5, 6] }), { qos: 1 });
  await page.goto(`${factree.url}/ns/Acme/Oven/Order`);
  await page.locator(".details h1").getByText("Order").waitFor();
  await page.locator(".grid-view").getByText("cure").waitFor();
  await page.getByText("JSON, as the API tells it").click();
  await page.locator("pre.raw").getByText("cure", { exact: false }).first().waitFor();
  await page.context().close();
});
