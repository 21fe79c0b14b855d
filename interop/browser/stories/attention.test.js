// What somebody has to be told without asking: what is wrong, who is away, what a value is now. And to whom.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, barriers } from "../browser.js";
import { eventually, Factree, lastingPort } from "../factree.js";
import { connect, edgeNode } from "../plant.js";

const PASSWORD = "of all evil, some";
const attention = (page) => page.locator(".card", { has: page.getByRole("heading", { name: "Wants attention" }) });

let browser;

before(async () => {
  browser = await Browser.start();
});
after(() => browser.close());

async function logIn(page, name) {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
}

test("the question before a value is set shows the value as it is then, and as it becomes", async (story) => {
  const factree = await Factree.start();
  story.after(() => factree.close());
  const oven = await connect(factree.mqtt, "oven");
  story.after(() => oven.endAsync());
  const is = (value) => oven.publishAsync("Acme/Oven/SetPoint", String(value), { qos: 1 });
  await is(165);
  const page = await browser.open(`${factree.url}/ns/Acme/Oven/SetPoint`);
  await page.locator(".reading").getByText("165").waitFor();
  await is(199.5);
  await page.locator(".reading").getByText("199.5").waitFor();
  assert.equal(await page.getByLabel("New value").getAttribute("placeholder"), "199.5");
  await page.getByLabel("New value").fill("150");
  await page.getByRole("button", { name: "Set…" }).click();
  const now = page.getByRole("dialog").locator("dt", { hasText: "Now" }).locator("+ dd");
  assert.match(await now.textContent(), /^199\.5/);
  await is(203);
  await now.getByText("203").waitFor();
  await page.context().close();
});

test("nothing is chosen for somebody who is to say true or false", async (story) => {
  const factree = await Factree.start();
  story.after(() => factree.close());
  const press = await connect(factree.mqtt, "press");
  story.after(() => press.endAsync());
  await press.publishAsync("Acme/Press/Enabled", "true", { qos: 1 });
  const page = await browser.open(`${factree.url}/ns/Acme/Press/Enabled`);
  await page.locator(".reading").getByText("true").waitFor();
  assert.equal(await page.locator(".write-form input:checked").count(), 0);
  await page.getByRole("button", { name: "Set…" }).click();
  await page.locator(".refused", { hasText: "true or false" }).waitFor();
  await page.getByLabel("false").check();
  await page.getByRole("button", { name: "Set…" }).click();
  await page.getByRole("dialog").getByText("Then").waitFor();
  await page.context().close();
});

test("a Device that is offline wants attention though its Edge Node is online, and a foreign broker that is down", async (story) => {
  const nowhere = await lastingPort();
  const config = `
[[attach]]
name = "plant2"
url = "mqtt://127.0.0.1:${nowhere}"
host_id = "scada"
`;
  const factree = await Factree.start({ config });
  story.after(() => factree.close());
  const node = await edgeNode({
    port: factree.mqtt,
    group: "Acme:Dallas:Press",
    node: "Line1",
    device: "Robot3",
    deviceMetrics: [{ name: "Speed", type: "Int32", value: 20 }],
  });
  story.after(() => node.kill());
  const page = await browser.open(factree.url);
  await page.getByText("Edge Nodes online").waitFor();
  await node.say("deviceDies");
  const device = attention(page).locator("li", { hasText: "Acme:Dallas:Press / Line1 / Robot3" });
  await device.getByText("Device offline").waitFor();
  await attention(page).locator("li", { hasText: "plant2" }).getByText("Attached broker").waitFor();
  await page.getByText("1 Device not online").waitFor();
  assert.equal(await attention(page).getByText("Nothing").count(), 0);
  assert.deepEqual(await barriers(page), []);
  await page.context().close();
});

test("an audit log that cannot be written wants attention, and commands are refused meanwhile", async (story) => {
  const factree = await Factree.start({ config: '[audit]\nsize_max = "64 KiB"\n' });
  story.after(() => factree.close());
  const oven = await connect(factree.mqtt, "oven");
  story.after(() => oven.endAsync());
  await oven.publishAsync("Acme/Oven/SetPoint", "165", { qos: 1 });
  const page = await browser.open(factree.url);
  await attention(page).getByText("Nothing", { exact: true }).waitFor();
  const set = () =>
    fetch(`${factree.url}/api/v1/values/Acme/Oven/SetPoint`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ value: 166, reason: "It was too cold. ".repeat(50) }),
    }).then(({ status }) => status);
  await eventually(set, (status) => status === 503);
  await attention(page).getByText("Not on record").waitFor();
  await attention(page).getByText("cannot be written, so commands and changes are refused", { exact: false }).waitFor();
  assert.equal(await attention(page).getByText("Nothing", { exact: true }).count(), 0);
  await page.context().close();
});

test("a disk that comes to its end, or has, wants attention", async (story) => {
  const factree = await Factree.start();
  story.after(() => factree.close());
  const page = await browser.open(`${factree.url}/docs`);
  let disk = { disk: "low", free_bytes: 300_000_000 };
  await page.route("**/api/v1/overview", async (route) => {
    const response = await route.fetch();
    const told = await response.json();
    Object.assign(told.storage, disk);
    await route.fulfill({ response, json: told });
  });
  await page.goto(factree.url);
  await attention(page).getByText("Disk low").waitFor();
  await page.getByText("300 MB left on the disk").waitFor();
  disk = { disk: "full", free_bytes: 1000 };
  await attention(page).getByText("Disk full").waitFor();
  await page.getByText("QoS 1 and 2 are refused until there is room", { exact: true }).waitFor();
  await page.context().close();
});

test("operators and readers see how the plant does; whoever may not is told so, and what it takes", async (story) => {
  const config = `
[auth]

[[auth.role]]
name = "watcher"
grants = ["read tree:Acme/#"]
`;
  const roles = [["otto", "operator"], ["rita", "reader"], ["wanda", "watcher"], ["root", "admin"]];
  const users = roles.map(([name, role]) => ({ name, password: PASSWORD, roles: [role] }));
  const factree = await Factree.start({ config, users });
  story.after(() => factree.close());
  const line = (node) => ({
    port: factree.mqtt,
    group: "Acme:Dallas:Press",
    node,
    login: { username: "root", password: PASSWORD },
    nodeMetrics: [{ name: "Speed", type: "Double", value: 20 }],
  });
  const nodes = await Promise.all(Array.from({ length: 10 }, (_, at) => edgeNode(line(`Line${at}`))));
  story.after(() => Promise.all(nodes.map((node) => node.kill())));
  await Promise.all(nodes.slice(1).map((node) => node.kill()));
  for (const [name] of roles.slice(0, 2)) {
    const page = await browser.open(factree.url);
    await logIn(page, name);
    const tile = (label) => page.locator(".tile", { hasText: label }).locator(".figure");
    await tile("Edge Nodes online").getByText("of 10").waitFor();
    await tile("Health").getByText("Ready").waitFor();
    await tile("Storage").getByText("power").waitFor();
    await tile("Clients").getByText("1 connected").waitFor();
    await page.waitForFunction(() => /\d/.test(document.querySelectorAll(".tile .figure")[1]?.textContent ?? ""));
    await attention(page).getByText("All of them: 9 Edge Nodes").waitFor();
    assert.deepEqual(await barriers(page), [], name);
    await page.context().close();
  }
  const page = await browser.open(factree.url);
  await logIn(page, "wanda");
  await page.getByText("Some of this page is not shown", { exact: false }).waitFor();
  await page.getByText("What happened is not shown to you", { exact: false }).waitFor();
  await attention(page).getByText("not shown to you", { exact: false }).waitFor();
  assert.equal(await page.getByText("Nothing yet.").count(), 0);
  await page.goto(`${factree.url}/unplaced`);
  await page.getByText("read tree:_unplaced/#").waitFor();
  assert.equal(await page.getByText("Everything that was born has a place.").count(), 0);
  await page.context().close();
});
