package org.xenolith.host.nat;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.PortUnreachableException;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The host's sockets, without blocking and without threads: the one place where what the host's network says enters the machine. Everything
 * reaches the guest's side through the event interfaces, and only from inside {@link #poll}, which the run loop calls between two rounds.
 */
public final class HostSockets implements AutoCloseable {
    /** What a TCP socket has to say. */
    interface TcpEvents {
        void connected();

        /** There is no connection: it was refused, or timed out. */
        void failed();

        void data(byte[] bytes, int length);

        /** The host's end has nothing more to say. */
        void endOfInput();

        /** The connection is gone. */
        void reset();

        /** The host has taken bytes of what waited. */
        void written(int bytes);

        /** How many bytes {@link #data} may bring now. */
        int room();
    }

    /** What a UDP socket has to say. */
    interface UdpEvents {
        void datagram(SocketAddress from, byte[] bytes, int length);

        void unreachable();
    }

    /** Hears of connections to a listening socket. */
    interface AcceptEvents {
        /** The events of the new connection, or null to refuse it. */
        TcpEvents accepted(TcpSocket socket);
    }

    private static final Logger LOG = LoggerFactory.getLogger(HostSockets.class);
    private static final int CHUNK = 65_536;
    /** Datagrams taken from one socket in one poll. */
    private static final int BATCH = 64;

    private final Selector selector;
    private final ByteBuffer buffer = ByteBuffer.allocate(CHUNK);

    /** Something that the selector found ready. */
    private interface Ready {
        void ready(SelectionKey key) throws IOException;

        void broken();
    }

    public HostSockets() {
        try {
            selector = Selector.open();
        } catch (IOException e) {
            throw new IllegalStateException("the host gives no selector", e);
        }
    }

    /** Lets all events happen that are there now; true when there were any. */
    public boolean poll() {
        if (selector.keys().isEmpty()) {
            return false;
        }
        try {
            return selector.selectNow(this::dispatch) > 0;
        } catch (IOException e) {
            LOG.warn("the host's sockets cannot be polled: {}", e.getMessage());
            return false;
        }
    }

    /** Waits up to {@code millis}, at least 1, until an event is there or {@link #wakeup} is called; handles none. */
    public void await(long millis) {
        try {
            selector.select(Math.max(1, millis));
            selector.selectedKeys().clear();
        } catch (IOException e) {
            LOG.warn("the host's sockets cannot be waited for: {}", e.getMessage());
        }
    }

    /** Ends {@link #await}; from any thread. */
    public void wakeup() {
        selector.wakeup();
    }

    private void dispatch(SelectionKey key) {
        Ready r = (Ready) key.attachment();
        try {
            if (key.isValid()) {
                r.ready(key);
            }
        } catch (IOException | RuntimeException e) {
            LOG.debug("a host socket broke: {}", e.toString());
            r.broken();
        }
    }

    /** Begins to connect; the outcome is an event of a later poll. */
    TcpSocket connect(InetSocketAddress to, TcpEvents events) throws IOException {
        SocketChannel c = SocketChannel.open();
        boolean done = false;
        try {
            c.configureBlocking(false);
            c.setOption(StandardSocketOptions.TCP_NODELAY, true);
            boolean connected = c.connect(to);
            TcpSocket s = new TcpSocket(c, events);
            s.established = connected;
            s.key = c.register(selector, connected ? SelectionKey.OP_WRITE : SelectionKey.OP_CONNECT, s);
            done = true;
            return s;
        } finally {
            if (!done) {
                c.close();
            }
        }
    }

    /** Listens for TCP connections. */
    AutoCloseable listen(InetSocketAddress at, AcceptEvents events) throws IOException {
        ServerSocketChannel c = ServerSocketChannel.open();
        boolean done = false;
        try {
            c.configureBlocking(false);
            c.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            c.bind(at, 64);
            c.register(selector, SelectionKey.OP_ACCEPT, new Acceptor(c, events));
            done = true;
            return c;
        } finally {
            if (!done) {
                c.close();
            }
        }
    }

    /** A UDP socket; {@code at} null for any port, {@code peer} null to take datagrams from all. */
    UdpSocket udp(InetSocketAddress at, InetSocketAddress peer, UdpEvents events) throws IOException {
        DatagramChannel c = DatagramChannel.open();
        boolean done = false;
        try {
            c.configureBlocking(false);
            if (at != null) {
                c.bind(at);
            }
            if (peer != null) {
                c.connect(peer);
            }
            UdpSocket s = new UdpSocket(c, events);
            s.key = c.register(selector, SelectionKey.OP_READ, s);
            done = true;
            return s;
        } finally {
            if (!done) {
                c.close();
            }
        }
    }

    private final class Acceptor implements Ready {
        private final ServerSocketChannel channel;
        private final AcceptEvents events;
        private boolean warned;

        private Acceptor(ServerSocketChannel channel, AcceptEvents events) {
            this.channel = channel;
            this.events = events;
        }

        @Override
        public void ready(SelectionKey key) throws IOException {
            SocketChannel c = channel.accept();
            if (c == null) {
                return;
            }
            c.configureBlocking(false);
            c.setOption(StandardSocketOptions.TCP_NODELAY, true);
            TcpSocket s = new TcpSocket(c, null);
            s.established = true;
            s.announced = true;
            s.key = c.register(selector, 0, s);
            s.events = events.accepted(s);
            if (s.events == null) {
                s.reset();
            }
        }

        @Override
        public void broken() {
            if (!warned) {
                warned = true; // the port stays ready, and each poll fails
                LOG.warn("a forwarded port takes no connection at the moment");
            }
        }
    }

    /** A TCP connection of the host. What is written waits here; the guest's window bounds it. */
    final class TcpSocket implements Ready {
        private final SocketChannel channel;
        private TcpEvents events;
        private SelectionKey key;
        private byte[] pending = new byte[4096];
        private int start;
        private int length;
        private boolean established;
        private boolean announced;
        private boolean inputEnded;
        private boolean outputEnds;
        private boolean outputEnded;

        private TcpSocket(SocketChannel channel, TcpEvents events) {
            this.channel = channel;
            this.events = events;
        }

        /** Bytes that wait for the host. */
        int waiting() {
            return length;
        }

        /** Adds bytes to what waits for the host. */
        void write(byte[] from, int at, int count) {
            if (start + length + count > pending.length) {
                byte[] to = length + count > pending.length
                        ? new byte[Math.max(pending.length * 2, length + count)]
                        : pending;
                System.arraycopy(pending, start, to, 0, length);
                pending = to;
                start = 0;
            }
            System.arraycopy(from, at, pending, start + length, count);
            length += count;
            interest();
        }

        /** After what waits, the host hears that there is no more. */
        void endOutput() {
            outputEnds = true;
            interest();
        }

        /** Room may have come or gone: see {@link TcpEvents#room}. */
        void roomChanged() {
            interest();
        }

        private void interest() {
            if (key == null || !key.isValid() || !established) {
                return;
            }
            int ops = length > 0 || outputEnds || !announced ? SelectionKey.OP_WRITE : 0;
            if (!inputEnded && announced && events != null && events.room() > 0) {
                ops |= SelectionKey.OP_READ;
            }
            if (key.interestOps() != ops) {
                key.interestOps(ops);
            }
        }

        @Override
        public void ready(SelectionKey k) throws IOException {
            if (k.isConnectable()) {
                try {
                    channel.finishConnect();
                } catch (IOException e) {
                    LOG.debug("connecting failed: {}", e.getMessage());
                    close();
                    events.failed();
                    return;
                }
                established = true;
            }
            if (established && !announced) {
                announced = true;
                events.connected();
            }
            if (k.isValid() && k.isWritable()) {
                flush();
            }
            if (k.isValid() && k.isReadable()) {
                fill();
            }
            interest();
        }

        private void flush() throws IOException {
            if (length > 0) {
                int n = channel.write(ByteBuffer.wrap(pending, start, length));
                start += n;
                length -= n;
                if (length == 0) {
                    start = 0;
                }
                if (n > 0) {
                    events.written(n);
                }
            }
            if (length == 0 && outputEnds && channel.isOpen()) {
                outputEnds = false;
                outputEnded = true;
                channel.shutdownOutput();
                closeIfDone();
            }
        }

        private void fill() throws IOException {
            int room = Math.min(events.room(), CHUNK);
            if (room == 0) {
                return;
            }
            buffer.clear().limit(room);
            int n = channel.read(buffer);
            if (n < 0) {
                inputEnded = true;
                events.endOfInput();
                closeIfDone();
            } else if (n > 0) {
                events.data(buffer.array(), n);
            }
        }

        private void closeIfDone() {
            if (inputEnded && outputEnded) {
                close();
            }
        }

        @Override
        public void broken() {
            close();
            if (events != null) {
                events.reset();
            }
        }

        private void close() {
            try {
                channel.close();
            } catch (IOException e) {
                LOG.debug("closing: {}", e.getMessage());
            }
        }

        /** Breaks the connection, so that the host's peer hears of it. */
        void reset() {
            try {
                channel.setOption(StandardSocketOptions.SO_LINGER, 0);
            } catch (IOException | UnsupportedOperationException e) {
                LOG.debug("resetting: {}", e.getMessage());
            }
            close();
        }
    }

    /** A UDP socket of the host. */
    final class UdpSocket implements Ready, AutoCloseable {
        private final DatagramChannel channel;
        private final UdpEvents events;
        private SelectionKey key;
        private boolean unreachable;

        private UdpSocket(DatagramChannel channel, UdpEvents events) {
            this.channel = channel;
            this.events = events;
        }

        /** Sends; {@code to} null to the connected peer. A datagram that the host does not take is lost. */
        void send(SocketAddress to, byte[] from, int at, int length) {
            ByteBuffer b = ByteBuffer.wrap(from, at, length);
            try {
                if (to == null) {
                    channel.write(b);
                } else {
                    channel.send(b, to);
                }
            } catch (PortUnreachableException e) {
                // the guest hears of it from the next poll, as of all that the host's network says
                unreachable = true;
                key.interestOps(SelectionKey.OP_READ | SelectionKey.OP_WRITE);
            } catch (IOException e) {
                LOG.debug("a datagram was not sent: {}", e.getMessage());
            }
        }

        @Override
        public void ready(SelectionKey k) throws IOException {
            if (unreachable) {
                unreachable = false;
                k.interestOps(SelectionKey.OP_READ);
                events.unreachable();
            }
            for (int i = 0; i < BATCH && channel.isOpen(); i++) {
                buffer.clear();
                SocketAddress from;
                try {
                    from = channel.receive(buffer);
                } catch (ClosedChannelException e) {
                    throw e;
                } catch (IOException e) {
                    // what an ICMP message said of an earlier datagram: the next one may arrive
                    LOG.debug("a datagram's peer cannot be reached: {}", e.getMessage());
                    events.unreachable();
                    return;
                }
                if (from == null) {
                    return;
                }
                events.datagram(from, buffer.array(), buffer.position());
            }
        }

        @Override
        public void broken() {
            close();
        }

        @Override
        public void close() {
            try {
                channel.close();
            } catch (IOException e) {
                LOG.debug("closing: {}", e.getMessage());
            }
        }
    }

    @Override
    public void close() {
        try {
            for (SelectionKey k : selector.keys()) {
                k.channel().close();
            }
            selector.close();
        } catch (IOException e) {
            LOG.debug("closing: {}", e.getMessage());
        }
    }
}
