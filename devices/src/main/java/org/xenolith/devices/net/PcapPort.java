package org.xenolith.devices.net;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Consumer;
import org.xenolith.devices.NetFrame;
import org.xenolith.devices.NetPort;
import org.xenolith.time.VirtualClock;

/**
 * A port that writes all frames of another port in either direction to a pcap file: the classic form of libpcap (pcap-savefile(5)) with
 * nanoseconds. Frames are written as a wire would carry them: segmented, with checksums.
 */
public final class PcapPort implements NetPort {
    private static final int MAGIC_NANOSECONDS = 0xa1b2_3c4d;
    private static final int SNAP_LENGTH = 262_144;
    private static final int LINKTYPE_ETHERNET = 1;
    private static final long NS = 1_000_000_000L;

    private final NetPort port;
    private final OutputStream file;
    private final VirtualClock clock;
    private final long epochSeconds;
    private final Consumer<IOException> broken;
    private boolean writing = true;

    /**
     * Writes the file's header.
     *
     * @param file closed with this port
     * @param epochSeconds date of virtual time 0, in seconds since 1970
     * @param broken hears once when the file can be written no more; the network goes on without it
     */
    public PcapPort(NetPort port, OutputStream file, VirtualClock clock, long epochSeconds,
            Consumer<IOException> broken) {
        this.port = port;
        this.file = file;
        this.clock = clock;
        this.epochSeconds = epochSeconds;
        this.broken = broken;
        ByteBuffer header = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
        header.putInt(MAGIC_NANOSECONDS).putShort((short) 2).putShort((short) 4).putLong(0).putInt(SNAP_LENGTH)
                .putInt(LINKTYPE_ETHERNET);
        write(header.array(), 24);
    }

    @Override
    public void send(NetFrame frame) {
        Offloads.complete(frame, this::record);
        port.send(frame);
    }

    @Override
    public void setReceiver(Receiver receiver) {
        port.setReceiver(frame -> {
            Offloads.complete(frame, this::record);
            return receiver.receive(frame);
        });
    }

    private void record(NetFrame f) {
        long now = clock.now();
        ByteBuffer head = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
        head.putInt((int) (epochSeconds + now / NS)).putInt((int) (now % NS)).putInt(f.length()).putInt(f.length());
        write(head.array(), 16);
        write(f.data(), f.length());
    }

    private void write(byte[] bytes, int length) {
        if (!writing) {
            return;
        }
        try {
            file.write(bytes, 0, length);
        } catch (IOException e) {
            writing = false;
            broken.accept(e);
        }
    }

    @Override
    public void close() {
        port.close();
        try {
            file.close();
        } catch (IOException e) {
            if (writing) {
                broken.accept(e);
            }
        }
        writing = false;
    }
}
