package org.xenolith.hypervisor.ring;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** A ring page in the Java heap: for services that talk to each other without a guest, and for tests. */
public final class HeapRingPage implements RingPage {
    private static final VarHandle INT_LE = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private final byte[] bytes = new byte[SIZE];

    @Override
    public int read32(int offset) {
        return (int) INT_LE.get(bytes, offset);
    }

    @Override
    public void write32(int offset, int value) {
        INT_LE.set(bytes, offset, value);
    }

    @Override
    public void read(int offset, byte[] dst, int dstOffset, int length) {
        System.arraycopy(bytes, offset, dst, dstOffset, length);
    }

    @Override
    public void write(int offset, byte[] src, int srcOffset, int length) {
        System.arraycopy(src, srcOffset, bytes, offset, length);
    }
}
