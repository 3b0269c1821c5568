package org.xenolith.host.nat;

import java.util.Arrays;
import org.xenolith.devices.net.Headers;
import org.xenolith.host.nat.HostSockets.TcpSocket;
import org.xenolith.time.Timers;

/**
 * One TCP connection of the guest, ended here on behalf of the host's peer (RFC 9293; congestion control and retransmission after RFC 5681 and
 * 6298, in virtual time). Data from the guest is taken in order only; what the host's socket has not taken yet closes the window.
 */
final class TcpFlow implements HostSockets.TcpEvents {
    /** Bytes kept in each direction at most. */
    static final int BUFFER = 256 << 10;
    /** Shift of the window that is offered to a guest that scales. */
    static final int SCALE = 7;

    private enum State {
        /** The guest has sent SYN; the host is connecting. */
        CONNECTING,
        /** SYN and ACK are on the way to the guest. */
        SYN_RECEIVED,
        /** A host forward: SYN is on the way to the guest. */
        SYN_SENT, ESTABLISHED, TIME_WAIT, CLOSED
    }

    private static final long MS = 1_000_000;
    private static final long FIRST_RTO = 1000 * MS;
    private static final long MIN_RTO = 200 * MS;
    private static final long MAX_RTO = 60_000 * MS;
    private static final long TIME_WAIT_NS = 1000 * MS;
    private static final int MAX_RETRIES = 12;
    private static final int MAX_SYN_RETRIES = 6;
    private static final int MAX_MSS = 1460;
    /** Bytes of TCP payload in one unsegmented frame at most. */
    private static final int MAX_FRAME = 64_000;
    private static final int INITIAL_SEGMENTS = 10;
    private static final int DUPLICATES = 3;

    private final TcpTable table;
    private final FlowKey key;
    private final Timers.Timer timer;
    private final SendBuffer buffer = new SendBuffer(BUFFER);
    private TcpSocket socket;
    private State state;
    private int mss = MAX_MSS;
    private int peerScale;
    private boolean scaling;

    private int sndUna;
    private int sndNxt;
    /** The highest sequence number sent so far: after a timeout {@link #sndNxt} goes back. */
    private int sndMax;
    private long sndWnd;
    private int rcvNxt;
    private int advertised;
    private long cwnd;
    private long ssthresh = Long.MAX_VALUE / 4;
    private int duplicates;
    private int recover;
    private boolean recovering;
    private boolean hostEnded;
    private boolean guestEnded;
    private boolean finKnown;
    private int finSeq;
    private long rto = FIRST_RTO;
    private long srtt = -1;
    private long rttvar;
    private int timedSeq;
    private long timedAt = -1;
    private int retries;

    private TcpFlow(TcpTable table, FlowKey key, State state) {
        this.table = table;
        this.key = key;
        this.state = state;
        this.timer = table.timers().timer(this::onTimer);
        sndUna = table.initialSequence();
        sndNxt = sndUna;
        sndMax = sndUna;
    }

    /** A connection that the guest asks for. */
    static TcpFlow fromGuest(TcpTable table, FlowKey key, TcpSegment syn) {
        TcpFlow f = new TcpFlow(table, key, State.CONNECTING);
        f.acceptSyn(syn);
        return f;
    }

    /** A connection that came to a forwarded port. */
    static TcpFlow toGuest(TcpTable table, FlowKey key, TcpSocket socket) {
        TcpFlow f = new TcpFlow(table, key, State.SYN_SENT);
        f.socket = socket;
        f.scaling = true;
        f.sendSyn(TcpSegment.SYN);
        return f;
    }

    void setSocket(TcpSocket s) {
        socket = s;
    }

    FlowKey key() {
        return key;
    }

    /** True while the host may have something to say that the guest waits for. */
    boolean awaitsHost() {
        return state == State.CONNECTING || state != State.CLOSED
                && (state != State.TIME_WAIT && !hostEnded || socket.waiting() > 0);
    }

    /** True when a new connection may take this one's place. */
    boolean replaceable() {
        return state == State.TIME_WAIT && socket.waiting() == 0;
    }

    private void acceptSyn(TcpSegment syn) {
        rcvNxt = syn.seq() + 1;
        mss = Math.min(MAX_MSS, syn.mss());
        scaling = syn.scale() >= 0;
        peerScale = Math.max(0, syn.scale());
        sndWnd = syn.window();
        cwnd = (long) INITIAL_SEGMENTS * mss;
    }

    // ---- from the guest ----

    void segment(TcpSegment s) {
        if (state == State.CONNECTING) {
            if (s.has(TcpSegment.RST)) {
                abort();
            }
            return; // a SYN again: the host's answer will do
        }
        if (state == State.SYN_SENT) {
            synSent(s);
            return;
        }
        if (state == State.CLOSED) {
            return;
        }
        if (s.has(TcpSegment.RST)) {
            if (s.seq() == rcvNxt || inWindow(s.seq())) {
                abort();
            }
            return;
        }
        if (s.has(TcpSegment.SYN)) {
            if (state == State.SYN_RECEIVED) {
                sendSyn(TcpSegment.SYN | TcpSegment.ACK);
            } else {
                acknowledge();
            }
            return;
        }
        if (!s.has(TcpSegment.ACK) || !takeAck(s)) {
            return;
        }
        takeData(s);
        if (state != State.CLOSED) {
            output();
            endIfDone();
        }
    }

    private boolean inWindow(int seq) {
        int offset = seq - rcvNxt;
        return offset >= 0 && offset < Math.max(1, advertised);
    }

    private void synSent(TcpSegment s) {
        boolean acceptable = s.has(TcpSegment.ACK) && s.ack() == sndMax;
        if (s.has(TcpSegment.RST)) {
            if (acceptable) {
                abort();
            }
        } else if (s.has(TcpSegment.SYN) && acceptable) {
            acceptSyn(s);
            sndUna = s.ack();
            establish();
            acknowledge();
        } else if (s.has(TcpSegment.ACK)) {
            table.reset(key, s.ack(), 0, TcpSegment.RST);
        }
    }

    private void establish() {
        state = State.ESTABLISHED;
        retries = 0;
        timer.cancel();
        socket.roomChanged();
    }

    /** Takes the acknowledgement and window; false when the segment is to be dropped. */
    private boolean takeAck(TcpSegment s) {
        if (state != State.SYN_RECEIVED && s.ack() - sndMax > 0) {
            acknowledge();
            return false;
        }
        if (state == State.SYN_RECEIVED) {
            if (s.ack() != sndMax) {
                table.reset(key, s.ack(), 0, TcpSegment.RST);
                return false;
            }
            sndUna = s.ack();
            sndWnd = (long) s.window() << peerScale;
            establish();
            return true;
        }
        int acked = s.ack() - sndUna;
        long window = (long) s.window() << (scaling ? peerScale : 0);
        if (acked > 0) {
            acked(s.ack(), acked);
        } else if (acked == 0 && s.length() == 0 && window == sndWnd && sndMax != sndUna && !s.has(TcpSegment.FIN)) {
            duplicate();
        }
        if (acked >= 0) {
            if (window == 0) {
                retries = 0; // it answers: a closed window may stay closed for as long as it likes
            } else if (sndWnd == 0) {
                sndNxt = sndUna; // the probe found no room
            }
            sndWnd = window;
        }
        return true;
    }

    private void acked(int ack, int count) {
        int data = Math.min(count, buffer.length());
        buffer.drop(data);
        sndUna = ack;
        if (sndNxt - sndUna < 0) {
            sndNxt = sndUna;
        }
        retries = 0;
        if (timedAt >= 0 && ack - timedSeq >= 0) {
            measure(table.now() - timedAt);
            timedAt = -1;
        }
        // it answers, so that the wait which timeouts have doubled is over
        rto = srtt < 0 ? FIRST_RTO : Math.clamp(srtt + 4 * rttvar, MIN_RTO, MAX_RTO);
        if (recovering && ack - recover < 0) {
            // a partial acknowledgement: the next hole (RFC 6582)
            resendFirst();
            cwnd = Math.max(mss, cwnd - count + mss);
        } else if (recovering) {
            recovering = false;
            cwnd = ssthresh;
        } else if (cwnd < ssthresh) {
            cwnd += count;
        } else {
            cwnd += Math.max(1, (long) mss * Math.min(count, mss) / cwnd);
        }
        cwnd = Math.min(cwnd, 4L * BUFFER);
        duplicates = 0;
        if (sndUna == sndMax) {
            timer.cancel();
        } else {
            timer.arm(table.now() + rto);
        }
        socket.roomChanged();
    }

    private void duplicate() {
        duplicates++;
        if (duplicates == DUPLICATES && !recovering) {
            ssthresh = Math.max(flight() / 2, 2L * mss);
            recovering = true;
            recover = sndMax;
            resendFirst();
            cwnd = ssthresh + (long) DUPLICATES * mss;
        } else if (recovering) {
            cwnd += mss;
        }
    }

    private long flight() {
        return Integer.toUnsignedLong(sndMax - sndUna);
    }

    private void takeData(TcpSegment s) {
        int skip = rcvNxt - s.seq();
        int end = s.length() + (s.has(TcpSegment.FIN) ? 1 : 0);
        if (end == 0) {
            if (skip != 0) {
                acknowledge();
            }
            return;
        }
        if (skip < 0 || skip >= end || guestEnded) {
            // before or after what is awaited: says what is
            acknowledge();
            return;
        }
        int room = BUFFER - socket.waiting();
        int count = Math.max(0, Math.min(s.length() - skip, room));
        if (count > 0) {
            socket.write(s.frame(), s.payload() + skip, count);
            rcvNxt += count;
        }
        if (s.has(TcpSegment.FIN) && skip + count == s.length()) {
            rcvNxt++;
            guestEnded = true;
            socket.endOutput();
        }
        acknowledge();
    }

    // ---- to the guest ----

    private int window() {
        int room = Math.max(0, BUFFER - socket.waiting());
        return scaling ? room >>> SCALE << SCALE : Math.min(room, 0xffff);
    }

    /** Sends what windows allow. */
    private void output() {
        if (state != State.ESTABLISHED) {
            return;
        }
        boolean sent = true;
        while (sent) {
            int offset = sndNxt - sndUna;
            long usable = Math.min(sndWnd, cwnd) - offset;
            int unsent = Math.max(0, buffer.length() - offset);
            int count = (int) Math.max(0, Math.min(Math.min(unsent, usable), MAX_FRAME));
            if (count > mss && count < unsent) {
                count -= count % mss;
            }
            boolean fin = hostEnded && count == unsent && !(finKnown && sndNxt - finSeq > 0);
            // the end of what there is goes at once; a part of a segment before it waits for a larger window
            sent = fin || count >= mss || count > 0 && (count == unsent || offset == 0);
            if (sent) {
                transmit(offset, count, fin);
            }
        }
        if (timer.deadline() == Timers.NEVER && (sndMax != sndUna || buffer.length() > 0)) {
            timer.arm(table.now() + rto);
        }
    }

    private boolean finAcked() {
        return finKnown && sndUna - finSeq > 0;
    }

    private void transmit(int offset, int count, boolean fin) {
        int seq = sndUna + offset;
        int flags = TcpSegment.ACK | (fin ? TcpSegment.FIN : 0)
                | (count > 0 && offset + count == buffer.length() ? TcpSegment.PSH : 0);
        byte[] f = Packets.frame(20 + count);
        buffer.copy(offset, f, Packets.PAYLOAD + 20, count);
        send(f, seq, flags, 20, count > mss ? mss : 0);
        if (fin && !finKnown) {
            finKnown = true;
            finSeq = seq + count;
        }
        int next = seq + count + (fin ? 1 : 0);
        if (next - sndNxt > 0) {
            sndNxt = next;
        }
        if (sndNxt - sndMax > 0) {
            if (timedAt < 0) {
                timedAt = table.now();
                timedSeq = sndNxt;
            }
            sndMax = sndNxt;
        }
        if (timer.deadline() == Timers.NEVER) {
            timer.arm(table.now() + rto);
        }
    }

    private void resendFirst() {
        timedAt = -1; // Karn: a measurement would be of either transmission
        int count = Math.min(mss, buffer.length());
        boolean fin = finKnown && finSeq == sndUna + count;
        if (count > 0 || fin) {
            transmit(0, count, fin);
        }
    }

    private void sendSyn(int flags) {
        byte[] f = Packets.frame(28);
        int at = Packets.PAYLOAD + 20;
        f[at] = 2;
        f[at + 1] = 4;
        Headers.put16(f, at + 2, MAX_MSS);
        int header = 24;
        if (scaling) {
            f[at + 4] = 1;
            f[at + 5] = 3;
            f[at + 6] = 3;
            f[at + 7] = SCALE;
            header = 28;
        }
        send(header == 28 ? f : Arrays.copyOf(f, Packets.PAYLOAD + header), sndUna, flags, header, 0);
        sndNxt = sndUna + 1;
        sndMax = sndNxt;
        timer.arm(table.now() + rto);
    }

    private void acknowledge() {
        if (state != State.CLOSED) {
            send(Packets.frame(20), sndNxt, TcpSegment.ACK, 20, 0);
        }
    }

    private void send(byte[] f, int seq, int flags, int header, int segment) {
        int t = Packets.PAYLOAD;
        Headers.put16(f, t, key.peerPort());
        Headers.put16(f, t + 2, key.guestPort());
        Headers.put32(f, t + 4, seq);
        boolean ack = (flags & TcpSegment.ACK) != 0;
        Headers.put32(f, t + 8, ack ? rcvNxt : 0);
        f[t + 12] = (byte) (header / 4 << 4);
        f[t + 13] = (byte) flags;
        int window = window();
        advertised = window;
        // the window of a SYN is never scaled
        boolean syn = (flags & TcpSegment.SYN) != 0;
        Headers.put16(f, t + 14, syn ? Math.min(window, 0xffff) : scaling ? window >>> SCALE : window);
        table.send(f, key, segment);
    }

    // ---- time ----

    private void measure(long rtt) {
        if (srtt < 0) {
            srtt = rtt;
            rttvar = rtt / 2;
        } else {
            rttvar = (3 * rttvar + Math.abs(srtt - rtt)) / 4;
            srtt = (7 * srtt + rtt) / 8;
        }
    }

    private void onTimer() {
        if (state == State.TIME_WAIT) {
            if (socket.waiting() > 0) {
                // a socket that the host does not read from counts as a connection, or a guest could have any number
                timer.arm(table.now() + TIME_WAIT_NS);
            } else {
                forget();
            }
            return;
        }
        boolean syn = state == State.SYN_RECEIVED || state == State.SYN_SENT;
        if (++retries > (syn ? MAX_SYN_RETRIES : MAX_RETRIES)) {
            table.reset(key, sndNxt, rcvNxt, TcpSegment.RST | TcpSegment.ACK);
            abort();
            return;
        }
        rto = Math.min(rto * 2, MAX_RTO);
        timedAt = -1;
        if (syn) {
            sendSyn(state == State.SYN_SENT ? TcpSegment.SYN : TcpSegment.SYN | TcpSegment.ACK);
            return;
        }
        if (sndWnd == 0 && buffer.length() > 0) {
            sndNxt = sndUna;
            transmit(0, 1, false); // a probe of the closed window
        } else if (sndMax != sndUna) {
            ssthresh = Math.max(flight() / 2, 2L * mss);
            cwnd = mss;
            recovering = false;
            duplicates = 0;
            sndNxt = sndUna;
            resendFirst();
        } else {
            output();
        }
        timer.arm(table.now() + rto);
    }

    // ---- from the host ----

    @Override
    public void connected() {
        if (state == State.CONNECTING) {
            state = State.SYN_RECEIVED;
            sendSyn(TcpSegment.SYN | TcpSegment.ACK);
        }
    }

    @Override
    public void failed() {
        table.reset(key, 0, rcvNxt, TcpSegment.RST | TcpSegment.ACK);
        forget();
    }

    @Override
    public void data(byte[] bytes, int length) {
        buffer.add(bytes, length);
        output();
    }

    @Override
    public int room() {
        return state == State.ESTABLISHED ? buffer.room() : 0;
    }

    @Override
    public void endOfInput() {
        hostEnded = true;
        output();
        endIfDone();
    }

    @Override
    public void written(int bytes) {
        int most = scaling ? BUFFER : 0xffff;
        if (state == State.ESTABLISHED && !guestEnded && advertised < most / 2 && window() - advertised >= most / 4) {
            acknowledge();
        }
    }

    @Override
    public void reset() {
        if (state != State.CLOSED) {
            table.reset(key, sndNxt, rcvNxt, TcpSegment.RST | TcpSegment.ACK);
            forget();
        }
    }

    // ---- the end ----

    private void endIfDone() {
        if (state == State.ESTABLISHED && guestEnded && finAcked()) {
            // the socket closes itself when the host has taken the rest, until when this stays
            state = State.TIME_WAIT;
            timer.arm(table.now() + TIME_WAIT_NS);
        }
    }

    /** Ends both sides at once. */
    void abort() {
        if (socket != null) {
            socket.reset();
        }
        forget();
    }

    private void forget() {
        state = State.CLOSED;
        timer.cancel();
        table.remove(this);
    }
}
