package org.xenolith.devices;

import java.io.IOException;

/**
 * What a disk is to a device model: bytes by offset. All offsets and lengths are in bytes, multiples of {@link #SECTOR}, and within {@link #size}.
 *
 * <p>Calls are synchronous and come from one thread. A write that has returned is seen by later reads; it is safe from a loss of the process and of power once
 * a later {@link #flush} has returned. An {@link IOException} means that the request failed and that the guest must be told; it says nothing of other requests.
 */
public interface BlockBackend extends AutoCloseable {
    /** Bytes of a sector, the unit of offsets and lengths. */
    int SECTOR = 512;

    /** Size in bytes. */
    long size();

    /** True when {@link #write}, {@link #discard} and {@link #writeZeroes} are refused. */
    boolean readOnly();

    void read(long offset, byte[] to, int at, int length) throws IOException;

    void write(long offset, byte[] from, int at, int length) throws IOException;

    /** Makes everything written so far durable. */
    void flush() throws IOException;

    /** The guest has no use for these bytes any more; what they read as is up to the format. */
    void discard(long offset, long length) throws IOException;

    /** These bytes read as zeroes from now on. */
    void writeZeroes(long offset, long length) throws IOException;

    /** Makes everything durable and lets go of the file. */
    @Override
    void close() throws IOException;
}
