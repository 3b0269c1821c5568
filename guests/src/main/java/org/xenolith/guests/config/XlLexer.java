package org.xenolith.guests.config;

/** Cuts a configuration file into tokens. Comments and continued line ends are gone afterwards. */
final class XlLexer {
    /** Kinds of tokens; the other characters of the language stand for themselves. */
    enum Kind {
        NAME, NUMBER, STRING, NEWLINE, ADD, PUNCTUATION, END
    }

    /**
     * A token.
     *
     * @param text as written; of a string what it says
     * @param shown as written, for messages
     */
    record Token(Kind kind, String text, String shown, int line) {
        boolean is(char c) {
            return kind == Kind.PUNCTUATION && text.charAt(0) == c;
        }
    }

    private static final String LEXICAL = "lexical error";

    private final String file;
    private final String source;
    private int at;
    private int line = 1;

    XlLexer(String file, String source) {
        this.file = file;
        this.source = source;
    }

    Token next() throws ConfigException {
        skip();
        int start = at;
        int startLine = line;
        if (at == source.length()) {
            return new Token(Kind.END, "", "", line);
        }
        char c = source.charAt(at++);
        if (c == '\n') {
            line++;
            return new Token(Kind.NEWLINE, "", "", startLine);
        }
        if (c == '\'' || c == '"') {
            String text = string(c, start);
            return new Token(Kind.STRING, text, source.substring(start, at), startLine);
        }
        if (c >= 'a' && c <= 'z') {
            return word(Kind.NAME, start, "_0123456789abcdefghijklmnopqrstuvwxyz");
        }
        if (c >= '0' && c <= '9') {
            return word(Kind.NUMBER, start, "0123456789abcdefx");
        }
        if (c == '+' && at < source.length() && source.charAt(at) == '=') {
            at++;
            return new Token(Kind.ADD, "+=", "+=", line);
        }
        if (",[];=".indexOf(c) >= 0) {
            return new Token(Kind.PUNCTUATION, String.valueOf(c), String.valueOf(c), line);
        }
        throw error(String.valueOf(c), line, LEXICAL);
    }

    private void skip() {
        while (at < source.length()) {
            char c = source.charAt(at);
            if (c == ' ' || c == '\t' || c == '\r') {
                at++;
            } else if (c == '#') {
                int end = source.indexOf('\n', at);
                at = end < 0 ? source.length() : end;
            } else if (c == '\\' && continued()) {
                at = source.indexOf('\n', at) + 1;
                line++;
            } else {
                return;
            }
        }
    }

    /** Whether only blanks stand between a backslash and the end of its line. */
    private boolean continued() {
        int end = source.indexOf('\n', at);
        return end >= 0 && source.substring(at + 1, end).isBlank();
    }

    private Token word(Kind kind, int start, String characters) {
        while (at < source.length() && characters.indexOf(source.charAt(at)) >= 0) {
            at++;
        }
        String text = source.substring(start, at);
        return new Token(kind, text, text, line);
    }

    private String string(char quote, int start) throws ConfigException {
        StringBuilder out = new StringBuilder();
        while (at < source.length() && source.charAt(at) != '\n') {
            char c = source.charAt(at++);
            if (c == quote) {
                return out.toString();
            }
            out.append(c == '\\' ? escape(start) : c);
        }
        throw error(source.substring(start, at), line, "unterminated string");
    }

    /** The character that an escape stands for: those of C. */
    private char escape(int start) throws ConfigException {
        char c = at < source.length() ? source.charAt(at++) : '\n';
        int named = "abfnrtv".indexOf(c);
        if (named >= 0) {
            return "\u0007\b\f\n\r\t\u000b".charAt(named);
        }
        if (c == '\\' || c == '\'' || c == '"') {
            return c;
        }
        int value = c == 'x' ? number(16, 2) : Character.digit(c, 8) < 0 ? -1 : octal();
        if (value <= 0 || value > 255) {
            at = Math.min(at, source.length());
            throw error(source.substring(start, at).stripTrailing(), line, "invalid escape in a string");
        }
        return (char) value;
    }

    private int octal() {
        at--;
        return number(8, 3);
    }

    private int number(int radix, int most) {
        int value = -1;
        for (int n = 0; n < most && at < source.length(); n++) {
            int digit = Character.digit(source.charAt(at), radix);
            if (digit < 0) {
                break;
            }
            value = Math.max(value, 0) * radix + digit;
            at++;
        }
        return value;
    }

    /** The error of a token that does not belong there. */
    ConfigException unexpected(Token token) {
        if (token.kind() == Kind.NEWLINE) {
            return new ConfigException(
                    file + ":" + token.line() + ": config parsing error near <newline>: syntax error");
        }
        if (token.kind() == Kind.END) {
            return new ConfigException(file + ":" + token.line()
                    + ": config parsing error near the end of the file: syntax error");
        }
        return error(token.shown(), token.line(), "syntax error");
    }

    private ConfigException error(String near, int where, String what) {
        String shown = near.replaceAll("\\p{Cntrl}", "?");
        return new ConfigException(file + ":" + where + ": config parsing error near `"
                + (shown.length() > 64 ? shown.substring(0, 64) + "..." : shown) + "': " + what);
    }
}
