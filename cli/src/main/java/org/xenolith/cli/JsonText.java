package org.xenolith.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

/** A JSON object of values, lists and objects for people: a line a value. */
final class JsonText {
    private static final int WIDTH = 100;
    private static final int COLUMN = 18;

    private JsonText() {
    }

    static void print(ObjectNode root, PrintStream out) {
        for (var field : root.properties()) {
            if (field.getValue().isObject()) {
                for (var inner : field.getValue().properties()) {
                    line(field.getKey() + " " + inner.getKey(), inner.getValue(), out);
                }
            } else {
                line(field.getKey(), field.getValue(), out);
            }
        }
    }

    private static void line(String key, JsonNode value, PrintStream out) {
        String label = key.endsWith("_bytes") ? key.substring(0, key.length() - "_bytes".length()) : key;
        List<String> words = new ArrayList<>();
        if (value.isArray()) {
            value.forEach(v -> words.add(v.asText()));
        } else if (key.endsWith("_bytes")) {
            words.add(Limits.size(value.asLong()));
        } else if (key.endsWith("_ns")) {
            label = key.substring(0, key.length() - "_ns".length());
            words.add(value.asLong() / 1_000_000_000 + "s");
        } else {
            words.add(value.asText());
        }
        StringBuilder text = new StringBuilder(pad(label.replace('_', ' ')));
        int width = text.length();
        for (int i = 0; i < words.size(); i++) {
            String word = words.get(i) + (i + 1 < words.size() ? ", " : "");
            if (width + word.length() > WIDTH && width > COLUMN) {
                text.append(System.lineSeparator()).append(pad(""));
                width = COLUMN;
            }
            text.append(word);
            width += word.length();
        }
        out.println(text.toString().stripTrailing());
    }

    private static String pad(String label) {
        return label.length() >= COLUMN ? label + " " : label + " ".repeat(COLUMN - label.length());
    }
}
