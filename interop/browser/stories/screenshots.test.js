// The pictures of the guide and the README, taken of a plant that has some trouble. Look at them as who runs the
// plant would.

import { stat } from "node:fs/promises";
import { join } from "node:path";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Browser } from "../browser.js";
import { eventually, Factree } from "../factree.js";
import { edgeNode, RULES, troubledPlant } from "../plant.js";

/** It never rests. */
const ENERGY = "/ns/Acme/Munich/Packaging/Line1/Meter1/Energy/Active";
const STALE = "/ns/Acme/Dallas/Press/Line8/Press1/Temperature";
const EDGE_NODE = "/edge-nodes?group=Acme%3ADallas%3APress&edge_node=Line9";
const PICTURES = [
  { name: "namespace-light", path: ENERGY, wait: (page) => moves(page) },
  { name: "namespace-dark", path: ENERGY, scheme: "dark", wait: (page) => moves(page) },
  {
    name: "namespace-phone",
    path: STALE,
    phone: true,
    wait: (page) => page.locator(".reading").getByText("Stale").waitFor(),
  },
  { name: "tree-phone", path: "/ns", phone: true, wait: (page) => page.getByText("Munich", { exact: true }).waitFor() },
  { name: "overview", path: "/", wait: (page) => page.locator(".spark path[d*=L]").first().waitFor() },
  { name: "edge-nodes", path: "/edge-nodes", wait: (page) => page.getByText("Offline").first().waitFor() },
  { name: "edge-node", path: EDGE_NODE, wait: (page) => page.locator("details[open] .rule").first().waitFor() },
  { name: "findings", path: "/findings", wait: (page) => page.locator(".rule").first().click() },
  {
    name: "unplaced",
    path: "/unplaced",
    wait: async (page) => {
      await page.getByText("ULM_Paint / PLC 7").click();
      await page.getByRole("button", { name: "Try it" }).click();
      await page.getByText("would have a place", { exact: false }).waitFor();
    },
  },
  { name: "events", path: "/events", wait: (page) => page.locator("tbody tr").nth(5).waitFor() },
  { name: "clients", path: "/clients", scheme: "dark", wait: (page) => page.locator("tbody tr").first().waitFor() },
];

/** Opens what is beside the metric, comes back to it, and waits until its chart shows some changes. */
async function moves(page) {
  await page.locator(".row[aria-selected=true]").waitFor();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("*");
  await page.keyboard.press("ArrowRight");
  await page.locator(".row[aria-selected=true]").getByText("Active").waitFor();
  await page.waitForFunction(
    () => !/^Chart: [12] change/.test(document.querySelector(".chart svg")?.ariaLabel ?? "Chart: 1 change"),
    undefined,
    { timeout: 90_000 },
  );
}

/** Of a plant where people log in. */
const GUARDED = [
  { name: "login", path: "/", wait: async () => {} },
  { name: "access", path: "/access", user: true, wait: (page) => page.getByText("night-shift").first().waitFor() },
  {
    name: "audit",
    path: "/audit",
    user: true,
    wait: (page) => page.getByText("Order 4711", { exact: false }).first().waitFor(),
  },
];

test("the pictures of who may do what are taken", async (story) => {
  const password = "correct horse battery";
  const users = [
    { name: "anna", password, roles: ["admin"] },
    { name: "night-shift", password, roles: ["operator"] },
    { name: "historian", password, roles: ["reader"] },
  ];
  const factree = await Factree.start({ config: "[auth]\n", users });
  story.after(() => factree.close());
  const node = await edgeNode({
    port: factree.mqtt,
    group: "Acme:Dallas:Paint",
    node: "Line1",
    device: "Oven1",
    login: { username: "anna", password },
    deviceMetrics: [{ name: "SetPoint", type: "Double", value: 168 }],
  });
  story.after(() => node.kill());
  const browser = await Browser.start();
  story.after(() => browser.close());
  for (const { name, path, user, wait } of GUARDED) {
    const page = await browser.open(factree.url + path, { width: 1440, height: 900 });
    await page.getByRole("heading", { name: "Log in" }).waitFor();
    if (user) {
      await page.getByLabel("Name").fill("anna");
      await page.getByLabel("Password").fill(password);
      await page.getByRole("button", { name: "Log in" }).click();
      await page.locator("#who summary").waitFor();
    }
    if (name === "audit") await setWithReason(page);
    await wait(page);
    await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });
    await page.context().close();
  }
});

async function setWithReason(page) {
  await page.goto(new URL("/ns/Acme/Dallas/Paint/Line1/Oven1/SetPoint", page.url()).href);
  await page.getByLabel("New value").fill("171.5");
  await page.getByRole("button", { name: "Set…" }).click();
  await page.getByLabel("Why?", { exact: false }).fill("Order 4711 needs it");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText("Sent", { exact: true }).waitFor();
  await page.goto(new URL("/audit", page.url()).href);
}

test("the pictures are taken", async (story) => {
  const factree = await Factree.start({ command: "demo", config: RULES });
  story.after(() => factree.close());
  const plant = await troubledPlant(factree.mqtt);
  story.after(() => plant.close());
  const browser = await Browser.start();
  story.after(() => browser.close());
  await eventually(
    () => factree.get("/api/v1/findings?level=must"),
    ({ findings }) => findings.length > 0,
  );
  await Promise.all(
    PICTURES.map(async ({ name, path, scheme, phone, wait }) => {
      const page = await browser.open(factree.url + path, {
        scheme,
        ...(phone ? { phone, width: 390, height: 844 } : { width: 1440, height: 900 }),
      });
      await wait(page);
      const file = join(process.env.SCREENSHOTS, `${name}.png`);
      await page.screenshot({ path: file });
      assert.ok((await stat(file)).size > 10_000, name);
      await page.context().close();
    }),
  );
});
