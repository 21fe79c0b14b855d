// An Edge Node made of Eclipse Tahu's Java library (tahu-edge), told what to do by a test.
//
// The same orders as npm_edge_node.cjs, one JSON object per line. The library's EdgeClient connects, counts and publishes;
// what it leaves to its user is here, done as Tahu's own example of a compatible Edge Node does it: births, commands, and a
// new birth when its own NDEATH comes by while it is online.
// Knows nothing of Factree or of what the test expects.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.eclipse.paho.client.mqttv3.MqttMessage;
import org.eclipse.tahu.edge.EdgeClient;
import org.eclipse.tahu.edge.api.MetricHandler;
import org.eclipse.tahu.exception.TahuErrorCode;
import org.eclipse.tahu.exception.TahuException;
import org.eclipse.tahu.message.SparkplugBPayloadDecoder;
import org.eclipse.tahu.message.SparkplugBPayloadEncoder;
import org.eclipse.tahu.message.model.EdgeNodeDescriptor;
import org.eclipse.tahu.message.model.MessageType;
import org.eclipse.tahu.message.model.Metric;
import org.eclipse.tahu.message.model.Metric.MetricBuilder;
import org.eclipse.tahu.message.model.MetricDataType;
import org.eclipse.tahu.message.model.SparkplugBPayload;
import org.eclipse.tahu.message.model.SparkplugBPayload.SparkplugBPayloadBuilder;
import org.eclipse.tahu.message.model.SparkplugBPayloadMap.SparkplugBPayloadMapBuilder;
import org.eclipse.tahu.message.model.SparkplugDescriptor;
import org.eclipse.tahu.message.model.StatePayload;
import org.eclipse.tahu.message.model.Topic;
import org.eclipse.tahu.model.MqttServerDefinition;
import org.eclipse.tahu.mqtt.ClientCallback;
import org.eclipse.tahu.mqtt.MqttClientId;
import org.eclipse.tahu.mqtt.MqttServerName;
import org.eclipse.tahu.mqtt.MqttServerUrl;
import org.eclipse.tahu.util.CompressionAlgorithm;
import org.eclipse.tahu.util.PayloadUtil;
import org.eclipse.tahu.util.SparkplugUtil;
import org.eclipse.tahu.util.TopicUtil;

public class EdgeNode implements MetricHandler, ClientCallback {
    private static final String REBIRTH = "Node Control/Rebirth";
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final PrintStream STDOUT = System.out;

    private final EdgeNodeDescriptor name;
    private final boolean reconnect;
    private final CompressionAlgorithm compression;
    private final Map<String, ObjectNode> node;
    private final Map<String, Map<String, ObjectNode>> devices = new LinkedHashMap<>();
    private final EdgeClient client;
    private long nextBdSeq = 0;
    private long bdSeq;

    private EdgeNode(JsonNode order) throws Exception {
        name = new EdgeNodeDescriptor(order.get("group").asText(), order.get("edge_node").asText());
        reconnect = order.get("reconnect").asBoolean();
        compression = order.hasNonNull("compress") ? CompressionAlgorithm.valueOf(order.get("compress").asText()) : null;
        node = known(order.get("node"));
        order.get("devices").properties().forEach(device -> devices.put(device.getKey(), known(device.getValue())));
        MqttServerDefinition server = new MqttServerDefinition(
            new MqttServerName("broker"),
            new MqttClientId(order.get("client_id").asText(), false),
            MqttServerUrl.getMqttServerUrlSafe("tcp://127.0.0.1:" + order.get("port").asInt()),
            null, null, order.get("keep_alive").asInt(), getDeathTopic());
        String primaryHost = order.path("primary_host").asText(null);
        client = new EdgeClient(
            this, name, new ArrayList<>(devices.keySet()), primaryHost, false, 5000L, List.of(server), this, null);
        Thread thread = new Thread(client);
        thread.setPriority(Thread.MIN_PRIORITY); // it looks at its connection without a pause
        thread.start();
    }

    public static void main(String[] arguments) throws Exception {
        System.setOut(System.err);
        BufferedReader orders = new BufferedReader(new InputStreamReader(System.in));
        EdgeNode edgeNode = null;
        for (String line = orders.readLine(); line != null; line = orders.readLine()) {
            JsonNode order = JSON.readTree(line);
            if (order.get("order").asText().equals("connect")) {
                edgeNode = new EdgeNode(order);
            } else {
                edgeNode.obey(order);
            }
            happened("done");
        }
        System.exit(0);
    }

    private void obey(JsonNode order) throws Exception {
        String device = order.path("device").asText(null);
        switch (order.get("order").asText()) {
            case "node_data" -> client.publishNodeData(data(node, order));
            case "device_data" -> client.publishDeviceData(device, data(devices.get(device), order));
            case "device_birth" -> {
                devices.put(device, known(order.get("metrics")));
                client.publishDeviceBirth(device, birth(devices.get(device)));
            }
            case "device_death" -> {
                devices.remove(device);
                client.publishDeviceDeath(device);
            }
            case "device_unborn" -> devices.put(device, known(order.get("metrics")));
            case "stop" -> {
                client.shutdown();
                System.exit(0);
            }
            default -> throw new IllegalArgumentException(order.toString());
        }
    }

    // What it sends.

    private static Map<String, ObjectNode> known(JsonNode metrics) {
        Map<String, ObjectNode> known = new LinkedHashMap<>();
        metrics.forEach(metric -> known.put(metric.get("name").asText(), metric.deepCopy()));
        return known;
    }

    private SparkplugBPayload birth(Map<String, ObjectNode> known) throws Exception {
        SparkplugBPayloadBuilder birth = new SparkplugBPayloadBuilder().setTimestamp(new Date());
        for (JsonNode metric : known.values()) birth.addMetric(Metrics.made(metric));
        return birth.createPayload();
    }

    private SparkplugBPayload data(Map<String, ObjectNode> known, JsonNode order) throws Exception {
        SparkplugBPayloadBuilder data = new SparkplugBPayloadBuilder().setTimestamp(new Date());
        for (JsonNode metric : order.get("metrics")) {
            ObjectNode mine = known == null ? null : known.get(metric.get("name").asText());
            if (mine != null) mine.set("value", metric.get("value"));
            Metric made = Metrics.made(metric);
            if (order.path("by_alias").asBoolean()) made.setName(null);
            data.addMetric(made);
        }
        SparkplugBPayload payload = data.createPayload();
        return compression == null ? payload : PayloadUtil.compress(payload, compression, true);
    }

    @Override
    public void publishBirthSequence() {
        try {
            SparkplugBPayloadMapBuilder birth = new SparkplugBPayloadMapBuilder().setTimestamp(new Date());
            birth.addMetric(new MetricBuilder("bdSeq", MetricDataType.Int64, bdSeq).createMetric());
            birth.addMetric(new MetricBuilder(REBIRTH, MetricDataType.Boolean, false).createMetric());
            for (JsonNode metric : node.values()) birth.addMetric(Metrics.made(metric));
            client.publishNodeBirth(birth.createPayload());
            for (String device : devices.keySet()) client.publishDeviceBirth(device, birth(devices.get(device)));
            // EdgeClient sends no data before it has marked itself online, a moment after this returns.
            new Thread(() -> {
                while (!client.isConnectedToPrimaryHost()) Thread.onSpinWait();
                happened("born");
            }).start();
        } catch (Exception failed) {
            throw new IllegalStateException(failed);
        }
    }

    @Override
    public Topic getDeathTopic() {
        return new Topic("spBv1.0", name, MessageType.NDEATH);
    }

    @Override
    public byte[] getDeathPayloadBytes() throws Exception {
        if (nextBdSeq > 0 && !reconnect) {
            // EdgeClient always reconnects, unless it gets no will.
            throw new TahuException(TahuErrorCode.NOT_SUPPORTED, "this Edge Node does not come back");
        }
        bdSeq = nextBdSeq;
        nextBdSeq = (nextBdSeq + 1) % 256;
        SparkplugBPayload death = new SparkplugBPayloadBuilder().setTimestamp(new Date()).createPayload();
        death.addMetric(new MetricBuilder("bdSeq", MetricDataType.Int64, bdSeq).createMetric());
        return new SparkplugBPayloadEncoder().getBytes(death, false); // Tahu decodes its own will by its datatypes
    }

    @Override
    public boolean hasMetric(SparkplugDescriptor descriptor, String metric) {
        return node.containsKey(metric);
    }

    // What it hears.

    @Override
    public void messageArrived(
        MqttServerName server, MqttServerUrl url, MqttClientId id, String rawTopic, MqttMessage message) {
        try {
            Topic topic = TopicUtil.parseTopic(rawTopic);
            if (topic.isType(MessageType.STATE)) {
                StatePayload state = JSON.readValue(message.getPayload(), StatePayload.class);
                client.handleStateMessage(topic.getHostApplicationId(), state);
                return;
            }
            SparkplugBPayload payload = new SparkplugBPayloadDecoder().buildFromByteArray(message.getPayload(), null);
            if (topic.isType(MessageType.NDEATH)) {
                boolean mine = SparkplugUtil.getBdSequenceNumber(payload) == bdSeq;
                if (mine && !client.isDisconnectedOrDisconnecting()) client.handleRebirthRequest(true);
            } else {
                take(topic.getDeviceId(), payload.getMetrics());
            }
        } catch (Exception failed) {
            failed.printStackTrace();
        }
    }

    /** Takes what a command sets, tells the test, and answers with data as a controller does. */
    private void take(String device, List<Metric> command) throws Exception {
        Map<String, ObjectNode> known = device == null ? node : devices.get(device);
        ObjectNode told = JSON.createObjectNode().put("device", device);
        SparkplugBPayloadBuilder answer = new SparkplugBPayloadBuilder().setTimestamp(new Date());
        boolean rebirth = false;
        boolean taken = false;
        for (Metric set : command) {
            ObjectNode mine = known.values().stream().filter(it -> isOf(it, set)).findFirst().orElse(null);
            String metric = mine == null ? set.getName() : mine.get("name").asText();
            JsonNode value = Metrics.written(set.getValue());
            told.withArray("metrics").addObject()
                .put("name", metric).put("type", set.getDataType().toString()).set("value", value);
            rebirth |= REBIRTH.equals(metric) && Boolean.TRUE.equals(set.getValue());
            if (mine != null) {
                mine.set("value", value);
                mine.remove("timestamp");
                answer.addMetric(Metrics.made(mine));
                taken = true;
            }
        }
        happened("command", told);
        if (rebirth) client.handleRebirthRequest(true);
        if (taken && device == null) client.publishNodeData(answer.createPayload());
        if (taken && device != null) client.publishDeviceData(device, answer.createPayload());
    }

    private static boolean isOf(JsonNode mine, Metric set) {
        if (set.hasName()) return mine.get("name").asText().equals(set.getName());
        return set.hasAlias() && mine.path("alias").asLong(-1) == set.getAlias();
    }

    @Override
    public void connectionLost(MqttServerName server, MqttServerUrl url, MqttClientId id, Throwable cause) {
        happened("closed");
    }

    @Override
    public void connectComplete(boolean again, MqttServerName server, MqttServerUrl url, MqttClientId id) {}

    @Override
    public void shutdown() {}

    private static void happened(String event) {
        happened(event, JSON.createObjectNode());
    }

    private static void happened(String event, ObjectNode more) {
        String line = more.put("event", event).toString();
        synchronized (STDOUT) {
            STDOUT.println(line);
            STDOUT.flush();
        }
    }
}
