package org.xenolith.guests.image;

import java.io.IOException;

/**
 * What lies below the formats: a file of bytes that can grow. Offsets and lengths are in bytes. Every {@link IOException} names the file.
 *
 * <p>A write that failed may have changed any part of what it was to change. What was written is durable once {@link #force} has returned.
 */
public interface ByteStore extends AutoCloseable {
    /** {@return the file as the user named it} */
    String name();

    /** {@return the length of the file in bytes} */
    long size() throws IOException;

    /** Reads; bytes behind the end of the file are zero. */
    void read(long offset, byte[] to, int at, int length) throws IOException;

    /** Writes; the file grows as needed. */
    void write(long offset, byte[] from, int at, int length) throws IOException;

    /** Makes the file longer with zeroes, or shorter. */
    void resize(long size) throws IOException;

    /** Makes everything that was written durable. After a failure nothing is known, and every later call fails too. */
    void force() throws IOException;

    @Override
    void close() throws IOException;
}
