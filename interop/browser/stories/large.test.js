// A plant of 100,000 elements, and one of thousands of Edge Nodes: scrolled through without the page ever standing still.

import assert from "node:assert/strict";
import { test } from "node:test";
import payloads from "sparkplug-payload";
import { Browser } from "../browser.js";
import { eventually, Factree } from "../factree.js";
import { connect } from "../plant.js";

const EDGE_NODES = 3000;
const LINES = 100;
const METRICS = 1000;
/** One line with more than a page of elements. */
const LONG = 5000;
/** Milliseconds of work in one task; the page answers to nobody for so long. */
const STANDSTILL_MAX = 200;

const spark = payloads.get("spBv1.0");

test("a tree of 100,000 elements scrolls", async (story) => {
  const factree = await Factree.start();
  story.after(() => factree.close());
  const client = await connect(factree.mqtt, "large");
  story.after(() => client.endAsync());
  const publish = (line, metrics) => {
    for (let metric = 0; metric < metrics; metric++)
      client.publish(`Plant/${line}/Metric${String(metric).padStart(4, "0")}`, String(metric));
    return client.publishAsync(`Plant/${line}/Metric0000`, "1", { qos: 1 });
  };
  for (let line = 0; line < LINES; line++) await publish(`Line${String(line).padStart(2, "0")}`, METRICS);
  await publish("Long", LONG);
  const whole = ({ children }) =>
    children.length === LINES + 1 &&
    children.every(({ name, children_count: count }) => count === (name === "Long" ? LONG : METRICS));
  await eventually(() => factree.get("/api/v1/namespace/Plant?depth=1&limit=1000"), whole, 60_000);

  const browser = await Browser.start();
  story.after(() => browser.close());
  const page = await browser.open(`${factree.url}/ns/Plant/Line00`);
  await page.locator(".row").getByText("Line01").waitFor();
  const measured = await work(browser, page);
  const lines = () => page.evaluate(() => Math.round(document.querySelector(".tree-size").clientHeight / 28));
  await page.locator("[role=tree]").focus();
  await page.keyboard.press("*");
  await eventually(lines, (known) => known > LINES * METRICS, 120_000);
  // The end of the last one is asked for a page at a time.
  await eventually(
    async () => {
      await page.keyboard.press("End");
      return lines();
    },
    (known) => known === 1 + LINES * (METRICS + 1) + 1 + LONG,
    120_000,
  );
  await page.keyboard.press("End");
  await page
    .locator(".row")
    .getByText(`Metric${LONG - 1}`)
    .waitFor();
  const rows = await page.evaluate(async () => {
    const tree = document.querySelector(".tree");
    let most = 0;
    for (let pass = 0; pass < 120; pass++) {
      tree.scrollTop = pass < 60 ? (tree.scrollHeight * pass) / 60 : tree.scrollTop + 300;
      await new Promise((resolve) => requestAnimationFrame(resolve));
      most = Math.max(most, document.querySelectorAll(".row").length);
    }
    return most;
  });
  const twice = await page.evaluate(() => {
    const places = [...document.querySelectorAll(".row")].map((row) => row.style.transform);
    return places.length - new Set(places).size;
  });
  assert.equal(twice, 0, "two rows stand at one place");
  assert.ok(rows < 120, `${rows} rows are elements at once`);
  // What is in sight is live, wherever that is.
  await page.keyboard.press("End");
  await page
    .locator(".row")
    .getByText(`Metric${LONG - 1}`)
    .waitFor();
  await client.publishAsync(`Plant/Long/Metric${LONG - 1}`, "4711", { qos: 1 });
  await page.locator(".row").getByText("4711").waitFor();
  const { most, tasks, took } = await measured();
  story.diagnostic(`${await lines()} lines, ${tasks} tasks; the most work in one: ${most} ms, which took ${took} ms`);
  assert.ok(tasks > 1000 && most > 0, "the browser told what tasks cost");
  assert.ok(most <= STANDSTILL_MAX, `one task was ${most} ms of work`);
});

test("thousands of Edge Nodes are listed, found and ordered", async (story) => {
  const factree = await Factree.start();
  story.after(() => factree.close());
  const client = await connect(factree.mqtt, "gateway");
  story.after(() => client.endAsync());
  for (let node = 0; node < EDGE_NODES; node++) await born(client, `PLC${String(node).padStart(4, "0")}`, node % 7);
  await eventually(
    () => factree.get(`/api/v1/edge-nodes/Plant/PLC${EDGE_NODES - 1}`),
    ({ state }) => state === "online",
    60_000,
  );

  const browser = await Browser.start();
  story.after(() => browser.close());
  const page = await browser.open(`${factree.url}/edge-nodes`);
  await page.getByText(`${EDGE_NODES.toLocaleString("en")} of ${EDGE_NODES.toLocaleString("en")} online`).waitFor();
  const measured = await work(browser, page);
  const rows = await page.evaluate(async () => {
    const list = document.querySelector(".long");
    let most = 0;
    for (let pass = 0; pass <= 60; pass++) {
      list.scrollTop = (list.scrollHeight * pass) / 60;
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      most = Math.max(most, document.querySelectorAll("tbody tr").length);
    }
    return most;
  });
  assert.ok(rows < 100, `${rows} rows are elements at once`);
  await page.getByText(`PLC${EDGE_NODES - 1}`, { exact: true }).waitFor();
  await page.getByRole("button", { name: "Metrics" }).click();
  await page.locator("tbody tr:not(.space)").first().getByText("PLC0006").waitFor();
  await page.getByLabel("Filter Edge Nodes").fill("plc1234");
  await page.locator("tbody tr:not(.space)").first().getByText("PLC1234").waitFor();
  // A link that has focus keeps it while the list is read again and again.
  await page.getByRole("link", { name: "PLC1234" }).focus();
  const read = page.waitForResponse(/edge-nodes/);
  await read;
  await page.waitForResponse(/edge-nodes/);
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "PLC1234");
  const { most, tasks } = await measured();
  story.diagnostic(`${EDGE_NODES} Edge Nodes, ${tasks} tasks; the most work in one: ${most} ms`);
  assert.ok(most <= STANDSTILL_MAX, `one task was ${most} ms of work`);
});

/** Has the browser tell what each task costs the processor from now on: what else the machine does is no work of the page's. */
async function work(browser, page) {
  await browser.chromium.startTracing(page, { categories: ["toplevel", "disabled-by-default-devtools.timeline"] });
  return async () => {
    const tasks = JSON.parse(String(await browser.chromium.stopTracing())).traceEvents.filter(
      ({ name, ph }) => name === "RunTask" && ph === "X",
    );
    const most = (of) => Math.round(tasks.reduce((longest, task) => Math.max(longest, task[of] ?? 0), 0) / 1000);
    return { most: most("tdur"), took: most("dur"), tasks: tasks.length };
  };
}

/** Births of an Edge Node with so many metrics, all over one connection. */
function born(client, node, metrics) {
  const timestamp = Date.now();
  const made = Array.from({ length: metrics }, (_, at) => ({ timestamp, name: `M${at}`, type: "Int32", value: at }));
  const payload = spark.encodePayload({
    timestamp,
    seq: 0,
    metrics: [{ timestamp, name: "bdSeq", type: "Int64", value: 0 }, ...made],
  });
  return client.publishAsync(`spBv1.0/Plant/NBIRTH/${node}`, Buffer.from(payload), {
    qos: node.endsWith("99") ? 1 : 0,
  });
}
