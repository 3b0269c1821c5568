package org.xenolith.guests.config;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeSet;
import org.xenolith.guests.config.XlLexer.Kind;
import org.xenolith.guests.config.XlLexer.Token;
import org.xenolith.guests.config.XlValue.Items;
import org.xenolith.guests.config.XlValue.Text;

/**
 * A parsed configuration file: settings by name. Reading a setting as something that it is not leaves a warning, as xl
 * gives it, and counts as no setting.
 *
 * <p>The language: {@code name = value} or {@code name += value} on a line, or several parted by {@code ;}. A value is a
 * string in single or double quotes with C's escapes, a number, or a list of values in brackets, over several lines. A
 * comment begins with {@code #}; a backslash at the end of a line continues it.
 */
public final class XlConfig {
    private static final int MAX_DEPTH = 32;

    private final String file;
    private final Map<String, XlValue> settings = new LinkedHashMap<>();
    private final TreeSet<String> read = new TreeSet<>();
    private final List<String> warnings = new ArrayList<>();

    private XlConfig(String file) {
        this.file = file;
    }

    /**
     * Parses a file.
     *
     * @param file its name for messages
     * @param source what is in it
     * @throws ConfigException for what is not in the language
     */
    public static XlConfig parse(String file, String source) throws ConfigException {
        XlConfig config = new XlConfig(file);
        new Parser(config, new XlLexer(file, source)).parse();
        return config;
    }

    /** Reads statement after statement. */
    private static final class Parser {
        private final XlConfig config;
        private final XlLexer lexer;
        private Token token;

        private Parser(XlConfig config, XlLexer lexer) throws ConfigException {
            this.config = config;
            this.lexer = lexer;
            this.token = lexer.next();
        }

        private void parse() throws ConfigException {
            while (token.kind() != Kind.END) {
                if (token.kind() == Kind.NEWLINE || token.is(';')) {
                    advance();
                    continue;
                }
                setting();
                if (token.kind() != Kind.NEWLINE && token.kind() != Kind.END && !token.is(';')) {
                    throw lexer.unexpected(token);
                }
            }
        }

        private void setting() throws ConfigException {
            Token name = token;
            if (name.kind() != Kind.NAME) {
                throw lexer.unexpected(name);
            }
            advance();
            boolean add = token.kind() == Kind.ADD;
            if (!add && !token.is('=')) {
                throw lexer.unexpected(token);
            }
            advance();
            XlValue value = value(0);
            XlValue old = config.settings.get(name.text());
            config.settings.put(name.text(), add && old != null ? sum(name, old, value) : value);
        }

        private XlValue sum(Token name, XlValue old, XlValue more) throws ConfigException {
            if (old instanceof Items a && more instanceof Items b) {
                List<XlValue> all = new ArrayList<>(a.values());
                all.addAll(b.values());
                return new Items(all, a.line());
            }
            if (old instanceof Text a && more instanceof Text b) {
                return new Text(a.text() + b.text(), a.line());
            }
            throw new ConfigException(config.file + ":" + name.line() + ": config parsing error: `" + name.text()
                    + "' += needs two lists or two strings");
        }

        private XlValue value(int depth) throws ConfigException {
            Token first = token;
            if (first.kind() == Kind.STRING || first.kind() == Kind.NUMBER) {
                advance();
                return new Text(first.text(), first.line());
            }
            if (!first.is('[') || depth == MAX_DEPTH) {
                throw lexer.unexpected(first);
            }
            advance();
            skipNewlines();
            List<XlValue> values = new ArrayList<>();
            while (!token.is(']')) {
                values.add(value(depth + 1));
                skipNewlines();
                if (token.is(',')) {
                    advance();
                    skipNewlines();
                } else if (!token.is(']')) {
                    throw lexer.unexpected(token);
                }
            }
            advance();
            return new Items(values, first.line());
        }

        private void skipNewlines() throws ConfigException {
            while (token.kind() == Kind.NEWLINE) {
                advance();
            }
        }

        private void advance() throws ConfigException {
            token = lexer.next();
        }
    }

    /** {@return the file's name for messages} */
    public String file() {
        return file;
    }

    /**
     * A string or number as it was written.
     *
     * @param name the setting
     */
    public Optional<String> text(String name) {
        read.add(name);
        return switch (settings.get(name)) {
            case Text text -> Optional.of(text.text());
            case Items items -> {
                warn(items.line(), "parameter `" + name + "' is a list but should be a single value");
                yield Optional.empty();
            }
            case null -> Optional.empty();
        };
    }

    /**
     * A number, decimal or with 0x or 0 in front as in C; negative ones can only be written in quotes.
     *
     * @param name the setting
     */
    public OptionalLong number(String name) {
        Optional<String> text = text(name);
        if (text.isEmpty()) {
            return OptionalLong.empty();
        }
        try {
            return OptionalLong.of(Long.decode(text.get().strip()));
        } catch (NumberFormatException e) {
            warn(line(name), "parameter `" + name + "' is not a valid number");
            return OptionalLong.empty();
        }
    }

    /**
     * A list of strings; members that are lists leave a warning.
     *
     * @param name the setting
     * @return the strings with their lines, none when there is no such setting
     */
    public List<Text> list(String name) {
        read.add(name);
        List<Text> all = new ArrayList<>();
        switch (settings.get(name)) {
            case Items items -> {
                for (int i = 0; i < items.values().size(); i++) {
                    if (items.values().get(i) instanceof Text text) {
                        all.add(text);
                    } else {
                        warn(items.values().get(i).line(), "parameter `" + name + "[" + i
                                + "]' is a list but should be a single value");
                    }
                }
            }
            case Text text -> warn(text.line(), "parameter `" + name + "' is a single value but should be a list");
            case null -> {}
        }
        return all;
    }

    /** {@return the settings in their order in the file} */
    public Map<String, XlValue> settings() {
        return Collections.unmodifiableMap(settings);
    }

    /** {@return the line of a setting's value, 0 without it} */
    public int line(String name) {
        XlValue value = settings.get(name);
        return value == null ? 0 : value.line();
    }

    /** {@return names of settings that nobody has asked for, in their order in the file} */
    public List<String> unread() {
        return settings.keySet().stream().filter(name -> !read.contains(name)).toList();
    }

    void warn(int line, String what) {
        warnings.add(file + ":" + line + ": warning: " + what);
    }

    /** {@return what reading has found odd so far, each a line with file and line number} */
    public List<String> warnings() {
        return List.copyOf(warnings);
    }
}
