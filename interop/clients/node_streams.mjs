// Follows a Factree with what Node brings along: `sse URL`, or `ws URL MESSAGE…` that says its messages when it is open.
// Every event is a line of JSON on stdout. Run with --experimental-eventsource --experimental-websocket on Node 20.

const [way, url, ...messages] = process.argv.slice(2);
const tell = (event, what) => console.log(JSON.stringify({ event, ...what }));

if (way === "sse") {
  const stream = new EventSource(url);
  stream.onopen = () => tell("open", {});
  stream.onerror = () => tell("error", {});
  for (const event of ["snapshot", "changes", "reread"]) {
    stream.addEventListener(event, ({ data, lastEventId }) => tell(event, { data: JSON.parse(data), id: lastEventId }));
  }
} else {
  const socket = new WebSocket(url);
  socket.onopen = () => messages.forEach((message) => socket.send(message));
  socket.onmessage = ({ data }) => console.log(data);
  socket.onclose = ({ code }) => tell("closed", { code });
  socket.onerror = () => tell("error", {});
}
