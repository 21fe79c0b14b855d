// Metrics between the test's JSON and Tahu's own classes.
//
// 64-bit integers and times come and go as digits, bytes as hexadecimal digits. Each datatype knows the Java class it wants,
// so a value is made of that class and what goes on the wire is Tahu's choice.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.lang.reflect.Array;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.HexFormat;
import java.util.List;
import org.eclipse.tahu.message.model.DataSet;
import org.eclipse.tahu.message.model.DataSet.DataSetBuilder;
import org.eclipse.tahu.message.model.DataSetDataType;
import org.eclipse.tahu.message.model.File;
import org.eclipse.tahu.message.model.Metric;
import org.eclipse.tahu.message.model.Metric.MetricBuilder;
import org.eclipse.tahu.message.model.MetricDataType;
import org.eclipse.tahu.message.model.Parameter;
import org.eclipse.tahu.message.model.ParameterDataType;
import org.eclipse.tahu.message.model.PropertyDataType;
import org.eclipse.tahu.message.model.PropertySet.PropertySetBuilder;
import org.eclipse.tahu.message.model.PropertyValue;
import org.eclipse.tahu.message.model.Row.RowBuilder;
import org.eclipse.tahu.message.model.Template;
import org.eclipse.tahu.message.model.Template.TemplateBuilder;
import org.eclipse.tahu.message.model.Value;

final class Metrics {
    private Metrics() {}

    static Metric made(JsonNode said) throws Exception {
        MetricDataType type = (MetricDataType) MetricDataType.class.getField(said.get("type").asText()).get(null);
        MetricBuilder metric = new MetricBuilder(said.get("name").asText(), type, read(type.getClazz(), said.get("value")));
        if (said.hasNonNull("alias")) metric.alias(said.get("alias").asLong());
        metric.timestamp(said.hasNonNull("timestamp") ? new Date(said.get("timestamp").asLong()) : new Date());
        PropertySetBuilder properties = new PropertySetBuilder();
        if (said.hasNonNull("unit")) {
            properties.addProperty("engUnit", new PropertyValue<>(PropertyDataType.String, said.get("unit").asText()));
        }
        if (said.hasNonNull("quality")) {
            int quality = switch (said.get("quality").asText()) {
                case "Good" -> 192;
                case "Bad" -> 0;
                default -> 500;
            };
            properties.addProperty("Quality", new PropertyValue<>(PropertyDataType.Int32, quality));
        }
        if (said.hasNonNull("unit") || said.hasNonNull("quality")) metric.properties(properties.createPropertySet());
        return metric.createMetric();
    }

    private static Object read(Class<?> wanted, JsonNode value) throws Exception {
        if (value == null || value.isNull()) return null;
        if (wanted == byte[].class) return HexFormat.of().parseHex(value.asText());
        if (wanted.isArray()) {
            Object array = Array.newInstance(wanted.getComponentType(), value.size());
            for (int at = 0; at < value.size(); at++) Array.set(array, at, read(wanted.getComponentType(), value.get(at)));
            return array;
        }
        if (wanted == File.class) return new File("file", HexFormat.of().parseHex(value.asText()));
        if (wanted == DataSet.class) return table(value);
        if (wanted == Template.class) return template(value);
        if (wanted == Boolean.class) return value.asBoolean();
        if (wanted == Byte.class) return Byte.valueOf(value.asText());
        if (wanted == Short.class) return Short.valueOf(value.asText());
        if (wanted == Integer.class) return Integer.valueOf(value.asText());
        if (wanted == Long.class) return Long.valueOf(value.asText());
        if (wanted == BigInteger.class) return new BigInteger(value.asText());
        if (wanted == Float.class) return Float.valueOf(value.asText());
        if (wanted == Double.class) return Double.valueOf(value.asText());
        if (wanted == Date.class) return new Date(Long.parseLong(value.asText()));
        return value.asText();
    }

    private static DataSet table(JsonNode said) throws Exception {
        DataSetBuilder table = new DataSetBuilder(said.get("columns").size());
        List<DataSetDataType> types = new ArrayList<>();
        for (JsonNode column : said.get("columns")) table.addColumnName(column.asText());
        for (JsonNode type : said.get("types")) types.add(DataSetDataType.valueOf(type.asText()));
        table.addTypes(types);
        for (JsonNode row : said.get("rows")) {
            RowBuilder cells = new RowBuilder();
            for (int at = 0; at < types.size(); at++) {
                cells.addValue(new Value<>(types.get(at), read(types.get(at).getClazz(), row.get(at))));
            }
            table.addRow(cells.createRow());
        }
        return table.createDataSet();
    }

    private static Template template(JsonNode said) throws Exception {
        TemplateBuilder template = new TemplateBuilder().definition(said.path("definition").asBoolean());
        if (said.hasNonNull("ref")) template.templateRef(said.get("ref").asText());
        if (said.hasNonNull("version")) template.version(said.get("version").asText());
        for (JsonNode member : said.get("members")) template.addMetric(made(member));
        for (JsonNode parameter : said.path("parameters")) {
            ParameterDataType type =
                (ParameterDataType) ParameterDataType.class.getField(parameter.get("type").asText()).get(null);
            Object value = read(type.getClazz(), parameter.get("value"));
            template.addParameter(new Parameter(parameter.get("name").asText(), type, value));
        }
        return template.createTemplate();
    }

    /** What a command has brought, as `made` would take it. */
    static JsonNode written(Object value) {
        if (value == null) return NullNode.instance;
        if (value instanceof Boolean truth) return BooleanNode.valueOf(truth);
        if (value instanceof Date time) return TextNode.valueOf(Long.toString(time.getTime()));
        if (value instanceof byte[] bytes) return TextNode.valueOf(HexFormat.of().formatHex(bytes));
        if (value instanceof File file) return written(file.getBytes());
        if (value instanceof Object[] array) return written(Arrays.asList(array));
        if (value instanceof List<?> list) {
            ArrayNode said = JsonNodeFactory.instance.arrayNode();
            list.forEach(one -> said.add(written(one)));
            return said;
        }
        if (value instanceof DataSet table) {
            ObjectNode said = JsonNodeFactory.instance.objectNode();
            said.set("columns", written(table.getColumnNames()));
            said.set("types", written(table.getTypes()));
            said.set("rows", written(table.getRowsAsLists()));
            return said;
        }
        if (value instanceof Template template) {
            ObjectNode said = JsonNodeFactory.instance.objectNode();
            said.put("ref", template.getTemplateRef()).put("version", template.getVersion());
            for (Metric member : template.getMetrics()) {
                said.withArray("members").addObject()
                    .put("name", member.getName())
                    .put("type", member.getDataType().toString())
                    .set("value", written(member.getValue()));
            }
            return said;
        }
        return TextNode.valueOf(value.toString());
    }
}
