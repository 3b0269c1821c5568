package org.xenolith.guests.config;

import java.util.List;

/** A value in a configuration file; numbers are kept as they were written. */
public sealed interface XlValue {
    /** {@return the line that it starts in, from 1} */
    int line();

    /**
     * A string or number.
     *
     * @param text its characters, without quotes and escapes
     * @param line the line that it starts in
     */
    record Text(String text, int line) implements XlValue {}

    /**
     * A list.
     *
     * @param values its members
     * @param line the line that it starts in
     */
    record Items(List<XlValue> values, int line) implements XlValue {
        /** Keeps a copy of the members. */
        public Items {
            values = List.copyOf(values);
        }
    }
}
