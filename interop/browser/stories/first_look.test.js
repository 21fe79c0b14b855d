// What somebody sees who comes to a plant that is empty, to an address that is none, to an Edge Node that was never heard of, on a
// phone; and who leaves his page open and goes.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, barriers } from "../browser.js";
import { Factree } from "../factree.js";
import { connect, edgeNode } from "../plant.js";

const PHONE = { width: 390, height: 844, phone: true };
const ANNA = { name: "anna", password: "of all evil, some", roles: ["admin"] };

let browser;

before(async () => {
  browser = await Browser.start();
});
after(() => browser.close());

async function logIn(page) {
  await page.getByLabel("Name").fill(ANNA.name);
  await page.getByLabel("Password").fill(ANNA.password);
  await page.getByRole("button", { name: "Log in" }).click();
}

test("an empty plant says what to do next, until something is there", async (story) => {
  const factree = await Factree.start();
  story.after(() => factree.close());
  for (const [path, more] of [["/", {}], ["/ns", {}], ["/edge-nodes", {}], ["/ns", PHONE], ["/", PHONE]]) {
    const page = await browser.open(factree.url + path, more);
    await page.getByRole("heading", { name: "Nothing has been published yet" }).waitFor();
    await page.getByText("mosquitto_pub -h 127.0.0.1 -t Acme/", { exact: false }).waitFor();
    assert.deepEqual(await barriers(page), [], path);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= (more.width ?? 1440), `${path} is ${width} wide`);
    await page.context().close();
  }
  const [overview, tree] = await Promise.all([browser.open(factree.url), browser.open(`${factree.url}/ns`)]);
  await overview.locator(".tile", { hasText: "Elements" }).locator(".figure", { hasText: /^0$/ }).waitFor();
  const client = await connect(factree.mqtt, "first");
  story.after(() => client.endAsync());
  await client.publishAsync("Acme/Oven/SetPoint", "165", { qos: 1 });
  await tree.getByText("Acme", { exact: true }).waitFor();
  for (const page of [overview, tree]) {
    await page.getByRole("heading", { name: "Nothing has been published yet" }).waitFor({ state: "hidden" });
    await page.context().close();
  }
});

test("an address that is none gets a page, and an Edge Node that was never heard of is asked for nothing", async (story) => {
  const factree = await Factree.start();
  story.after(() => factree.close());
  const page = await browser.open(`${factree.url}/foo/bar`);
  await page.getByRole("heading", { name: "There is no such page" }).waitFor();
  await page.getByText("/foo/bar").waitFor();
  assert.equal(await page.title(), "No such page · Factree");
  assert.deepEqual(await barriers(page), []);
  await page.goto(`${factree.url}/edge-nodes?group=Acme&edge_node=Lime1`);
  await page.getByRole("heading", { name: "No such Edge Node" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Ask for a rebirth…" }).isDisabled(), true);
  assert.equal(await page.getByRole("heading", { name: "Devices" }).isVisible(), false);
  assert.deepEqual(await barriers(page), []);
  const node = await edgeNode({ port: factree.mqtt, group: "Acme", node: "Lime1" });
  story.after(() => node.kill());
  await page.getByText("Online", { exact: true }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Ask for a rebirth…" }).isDisabled(), false);
  await page.context().close();
});

test("an Edge Node that is offline is forgotten, after a question, and one that is online is not", async (story) => {
  const factree = await Factree.start();
  story.after(() => factree.close());
  const node = await edgeNode({ port: factree.mqtt, group: "Acme", node: "Scrap" });
  story.after(() => node.kill());
  const page = await browser.open(`${factree.url}/edge-nodes?group=Acme&edge_node=Scrap`);
  const forget = page.getByRole("button", { name: "Forget…" });
  await page.getByText("Online", { exact: true }).waitFor();
  assert.equal(await forget.isDisabled(), true);
  await node.kill();
  await page.getByText("Offline", { exact: true }).waitFor();
  await forget.click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Should it be born again, it is new", { exact: false }).waitFor();
  assert.deepEqual(await barriers(page), []);
  await dialog.getByRole("textbox").fill("scrapped");
  await dialog.getByRole("button", { name: "Forget" }).click();
  await page.getByRole("heading", { name: "No such Edge Node" }).waitFor();
  await page.goto(`${factree.url}/ns`);
  await page.getByRole("heading", { name: "Nothing has been published yet" }).waitFor();
  await page.context().close();
});

test("on a phone each line says of whom it is", async (story) => {
  const factree = await Factree.start();
  story.after(() => factree.close());
  const nodes = await Promise.all(
    ["Line1", "Line2"].map((node) =>
      edgeNode({
        port: factree.mqtt,
        group: "Acme:Dallas:Paint",
        node,
        device: "Oven1",
        deviceMetrics: [{ name: "Temperature", type: "Int32", value: 171 }],
      }),
    ),
  );
  story.after(() => Promise.all(nodes.map((node) => node.kill())));
  nodes[0].say("deviceDies");
  await nodes[1].kill();
  /** Whether all of it is in the window. */
  const isSeen = async (locator) => {
    await locator.waitFor();
    const { x, width } = await locator.boundingBox();
    const isWhole = await locator.evaluate((it) => {
      const around = it.closest("td")?.getBoundingClientRect() ?? { right: innerWidth };
      return it.getBoundingClientRect().right <= around.right + 1;
    });
    return x >= 0 && x + width <= PHONE.width && isWhole;
  };
  const page = await browser.open(`${factree.url}/edge-nodes`, PHONE);
  for (const [node, state] of [
    ["Line2", "Offline"],
    ["Line1", "Online"],
  ]) {
    const row = page.locator("tbody tr", { hasText: node });
    assert.ok(await isSeen(row.getByRole("link", { name: node })), `${node} is named`);
    assert.ok(await isSeen(row.getByText(state)), `and ${state}`);
    assert.ok(await isSeen(row.getByText("Acme:Dallas:Paint")), "with its group");
  }
  assert.deepEqual(await barriers(page), []);
  await page.goto(`${factree.url}/events`);
  const row = page.locator("tbody tr", { hasText: "Device offline" });
  assert.ok(await isSeen(row.getByRole("link", { name: "Line1 / Oven1" })), "of whom");
  assert.ok(await isSeen(row.getByText("Device offline")), "what");
  assert.ok(await isSeen(row.locator("time")), "when");
  assert.deepEqual(await barriers(page), []);
  await page.context().close();
});

test("a page that is left alone says that it asks by itself, until somebody comes back", async (story) => {
  const factree = await Factree.start({ config: "[auth]\n", users: [ANNA] });
  story.after(() => factree.close());
  const page = await browser.open(`${factree.url}/docs`);
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  await page.clock.install();
  await logIn(page);
  await page.getByRole("heading", { name: "Factree" }).waitFor();
  assert.equal(new URL(page.url()).pathname, "/docs", "who has logged in is where he wanted to be");
  await page.goto(factree.url);
  const asked = (isUnattended) =>
    page.waitForRequest(
      (request) =>
        request.url().endsWith("/api/v1/overview") && ("x-unattended" in request.headers()) === isUnattended,
    );
  await asked(false);
  await page.clock.fastForward("01:00");
  await asked(true);
  await page.mouse.move(100, 100);
  await page.clock.fastForward("00:03");
  await asked(false);
  await page.context().close();
});

test("a page whose machine has slept in the middle of a question asks again soon", async (story) => {
  const factree = await Factree.start();
  story.after(() => factree.close());
  const page = await browser.open("about:blank");
  await page.clock.install();
  const isOverview = (url) => url.pathname === "/api/v1/overview";
  const held = new Promise((resolve) => void page.route(isOverview, resolve, { times: 1 }));
  await page.goto(factree.url);
  const first = await held;
  await page.clock.fastForward("10:00:00");
  const answered = page.waitForResponse((response) => isOverview(new URL(response.url())));
  await first.continue();
  await (await answered).finished();
  const again = page.waitForRequest((request) => isOverview(new URL(request.url())));
  await page.clock.fastForward("00:15");
  await again;
  await page.context().close();
});

test("what an element is of and what goes on there is told in words, and an instance is its members", async (story) => {
  const config = `
[[namespace.type]]
name = "Oven"
version = "2"
[[namespace.type.member]]
name = "Temperature"
datatype = "Double"
unit = "°C"
description = "At the belt"
high = 400

[[namespace.instance]]
filter = "Acme/+/Oven1"
type = "Oven"

[[namespace.context]]
name = "order"
path = "Acme/+/Order"
`;
  const factree = await Factree.start({ config });
  story.after(() => factree.close());
  const mes = await connect(factree.mqtt, "mes");
  story.after(() => mes.endAsync());
  await mes.publishAsync("Acme/Dallas/Order", JSON.stringify({ number: "PO-1043", recipe: "Door left" }), { qos: 1 });
  await mes.publishAsync("Acme/Dallas/Oven1/Temperature", "171.5", { qos: 1 });
  const motor = (more) => ({
    version: "1.0",
    metrics: [{ name: "rpm", type: "Int32", value: 1450 }],
    parameters: [],
    ...more,
  });
  const node = await edgeNode({
    port: factree.mqtt,
    group: "Acme:Dallas",
    node: "Line7",
    nodeMetrics: [
      { name: "_types_/Motor", type: "Template", value: motor({ isDefinition: true }) },
      { name: "Spindle", type: "Template", value: motor({ isDefinition: false, templateRef: "Motor" }) },
    ],
  });
  story.after(() => node.kill());
  const page = await browser.open(`${factree.url}/ns/Acme/Dallas/Oven1/Temperature`);
  await page.locator(".reading").getByText("°C").waitFor();
  await page.getByText("At the belt").waitFor();
  const context = page.locator("section", { has: page.getByRole("heading", { name: "Context" }) });
  await context.locator("dt", { hasText: "number" }).locator("+ dd").getByText("PO-1043").waitFor();
  assert.deepEqual(await barriers(page), []);
  await page.goto(`${factree.url}/ns/Acme/Dallas/Oven1`);
  await page.locator("dt", { hasText: "Type" }).locator("+ dd").getByText("Oven").waitFor();
  await page.getByText("2, version", { exact: false }).waitFor();
  await page.goto(`${factree.url}/ns/Acme/Dallas/Line7/Spindle`);
  await page.locator(".reading").getByText("Motor").waitFor();
  await page.getByRole("region", { name: "Members" }).getByText("1450").waitFor();
  assert.equal(await page.getByText("no value").count(), 0);
  assert.deepEqual(await barriers(page), []);
  await page.context().close();
});
