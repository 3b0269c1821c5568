package org.xenolith.host.screen;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Supplier;
import org.xenolith.devices.input.Key;
import org.xenolith.devices.input.Keys;

/**
 * One client of a {@link VncServer}: protocol RFB 3.8, 3.7 or 3.3 (RFC 6143) without authentication. What it sends is read in bounded pieces;
 * whatever makes no sense ends the connection by an {@link IOException}. It gets a new picture only when it has taken the one before.
 */
final class VncClient implements AutoCloseable {
    private static final byte[] VERSION = "RFB 003.008\n".getBytes(StandardCharsets.US_ASCII);
    private static final int DESKTOP_SIZE = -223;
    private static final int MAX_CUT_TEXT = 1 << 20;
    private static final int TILE = 64;

    private static final int SET_PIXEL_FORMAT = 0;
    private static final int SET_ENCODINGS = 2;
    private static final int UPDATE_REQUEST = 3;
    private static final int KEY_EVENT = 4;
    private static final int POINTER_EVENT = 5;
    private static final int CUT_TEXT = 6;

    private static final int WHEEL_UP = 8;
    private static final int WHEEL_DOWN = 16;

    private enum State {
        VERSION, SECURITY, INIT, MESSAGES, ENCODINGS, SKIP
    }

    private final SocketChannel channel;
    private final String name;
    private final ScreenInput input;
    private final Supplier<Frame> picture;
    private final ByteSink out = new ByteSink();
    private final byte[] in = new byte[4096];
    private final HextileEncoding hextile = new HextileEncoding();
    private final RawEncoding raw = new RawEncoding();
    private final ZrleEncoding zrle = new ZrleEncoding();
    private final Set<Key> down = EnumSet.noneOf(Key.class);
    private int inLength;
    private State state = State.VERSION;
    private int minor;
    private long left;
    private PixelFormat format = PixelFormat.OWN;
    private boolean mapSent = true;
    private Encoding encoding = raw;
    private boolean encodingChosen;
    private boolean resizes;
    private int width;
    private int height;
    private Frame shown;
    private boolean requested;
    private boolean whole;
    private int mask;
    private int lastX;
    private int lastY;
    private int buttons;
    private long waitingSince;

    /**
     * Greets the client.
     *
     * @param picture gives the latest picture, null while there is none
     * @param now nanoseconds of the host's clock
     */
    VncClient(SocketChannel channel, String name, ScreenInput input, Supplier<Frame> picture, long now) {
        this.channel = channel;
        this.name = name;
        this.input = input;
        this.picture = picture;
        waitingSince = now;
        out.bytes(VERSION, 0, VERSION.length);
    }

    /** Whether it waits for a picture. */
    boolean wants() {
        return requested && out.isEmpty() || state == State.INIT;
    }

    /** Whether there is room for what it sends. */
    boolean hasRoom() {
        return inLength < in.length;
    }

    boolean hasOutput() {
        return !out.isEmpty();
    }

    /** Since when it owes us something, in nanoseconds of the host's clock: its part of the handshake, or taking what we send. */
    boolean overdue(long now, long limit) {
        boolean handshake = state == State.VERSION || state == State.SECURITY || state == State.INIT;
        return (handshake || !out.isEmpty()) && now - waitingSince > limit;
    }

    // ---- what it sends ----

    /** Reads what there is. */
    void read() throws IOException {
        int n = channel.read(ByteBuffer.wrap(in, inLength, in.length - inLength));
        if (n < 0) {
            throw new IOException("the client has left");
        }
        inLength += n;
        consumeAll();
    }

    private void consumeAll() throws IOException {
        int at = 0;
        while (true) {
            int used = consume(at);
            if (used == 0) {
                break;
            }
            at += used;
        }
        System.arraycopy(in, at, in, 0, inLength - at);
        inLength -= at;
    }

    /** Handles what begins at an offset; the bytes used, 0 when there are too few. */
    private int consume(int at) throws IOException {
        int there = inLength - at;
        if (there == 0) {
            return 0;
        }
        return switch (state) {
            case VERSION -> there < 12 ? 0 : version(at);
            case SECURITY -> {
                if (in[at] != 1) {
                    throw new IOException("it asks for authentication of type " + in[at]);
                }
                if (minor == 8) {
                    out.u32(0);
                }
                state = State.INIT;
                yield 1;
            }
            case INIT -> {
                Frame first = picture.get();
                if (first == null) {
                    yield 0;
                }
                width = first.width();
                height = first.height();
                serverInit();
                state = State.MESSAGES;
                yield 1;
            }
            case MESSAGES -> message(at, there);
            case ENCODINGS -> {
                if (there < 4) {
                    yield 0;
                }
                take(s32(at));
                if (--left == 0) {
                    state = State.MESSAGES;
                }
                yield 4;
            }
            case SKIP -> {
                int n = (int) Math.min(left, there);
                left -= n;
                if (left == 0) {
                    state = State.MESSAGES;
                }
                yield n;
            }
        };
    }

    private int version(int at) throws IOException {
        String v = new String(in, at, 12, StandardCharsets.US_ASCII);
        if (!v.matches("RFB \\d{3}\\.\\d{3}\n")) {
            throw new IOException("it speaks another protocol");
        }
        int theirs = Integer.parseInt(v, 8, 11, 10);
        minor = !v.startsWith("RFB 003") || theirs >= 8 ? 8 : theirs == 7 ? 7 : 3;
        if (minor == 3) {
            out.u32(1);
            state = State.INIT;
        } else {
            out.u8(1);
            out.u8(1);
            state = State.SECURITY;
        }
        return 12;
    }

    private void serverInit() {
        out.u16(width);
        out.u16(height);
        format.write(out);
        byte[] title = name.getBytes(StandardCharsets.UTF_8);
        out.u32(title.length);
        out.bytes(title, 0, title.length);
    }

    private int message(int at, int there) throws IOException {
        int type = in[at] & 0xff;
        int size = switch (type) {
            case SET_PIXEL_FORMAT -> 4 + PixelFormat.WIRE_BYTES;
            case SET_ENCODINGS -> 4;
            case UPDATE_REQUEST -> 10;
            case KEY_EVENT, CUT_TEXT -> 8;
            case POINTER_EVENT -> 6;
            default -> throw new IOException("it sends a message of unknown type " + type);
        };
        if (there < size) {
            return 0;
        }
        switch (type) {
            case SET_PIXEL_FORMAT -> {
                format = PixelFormat.read(in, at + 4)
                        .orElseThrow(() -> new IOException("it asks for senseless pixels"));
                mapSent = !format.map();
                whole = true;
            }
            case SET_ENCODINGS -> {
                left = u16(at + 2);
                encoding = raw;
                encodingChosen = false;
                resizes = false;
                state = left == 0 ? State.MESSAGES : State.ENCODINGS;
            }
            case UPDATE_REQUEST -> {
                requested = true;
                whole |= in[at + 1] == 0;
            }
            case KEY_EVENT -> Keys.ofKeysym(s32(at + 4) & 0xffff_ffffL).ifPresent(k -> key(k, in[at + 1] != 0));
            case POINTER_EVENT -> pointer(in[at + 1] & 0xff, u16(at + 2), u16(at + 4));
            default -> {
                left = s32(at + 4) & 0xffff_ffffL;
                if (left > MAX_CUT_TEXT) {
                    throw new IOException("it sends a text of " + left + " bytes");
                }
                state = left == 0 ? State.MESSAGES : State.SKIP;
            }
        }
        return size;
    }

    private void take(int number) {
        if (number == DESKTOP_SIZE) {
            resizes = true;
        } else if (!encodingChosen) {
            Encoding chosen = switch (number) {
                case ZrleEncoding.NUMBER -> zrle;
                case HextileEncoding.NUMBER -> hextile;
                case RawEncoding.NUMBER -> raw;
                default -> null;
            };
            if (chosen != null) {
                encoding = chosen;
                encodingChosen = true;
            }
        }
    }

    private void key(Key key, boolean press) {
        if (input.key(key, press)) {
            if (press) {
                down.add(key);
            } else {
                down.remove(key);
            }
        }
    }

    private void pointer(int newMask, int x, int y) {
        int pressed = newMask & ~mask;
        mask = newMask;
        int wheel = ((pressed & WHEEL_DOWN) != 0 ? 1 : 0) - ((pressed & WHEEL_UP) != 0 ? 1 : 0);
        // the protocol's order is left, middle, right
        buttons = newMask & 1 | newMask << 1 & 4 | newMask >> 1 & 2;
        lastX = Math.min(x, width - 1);
        lastY = Math.min(y, height - 1);
        input.pointer(lastX, lastY, width, height, wheel, buttons);
    }

    // ---- what it gets ----

    /** Writes what waits, as far as the client takes it. */
    void write(long now) throws IOException {
        if (!out.isEmpty()) {
            int n = channel.write(out.pending());
            if (n > 0) {
                out.sent(n);
                waitingSince = now;
            }
        }
    }

    /** Prepares what is new in a picture, when it waits for one; its request stays open when nothing is. */
    void update(long now) throws IOException {
        Frame latest = picture.get();
        if (latest == null || !wants()) {
            return;
        }
        if (state == State.INIT) {
            consumeAll();
            return;
        }
        boolean wasEmpty = out.isEmpty();
        if (resizes && (latest.width() != width || latest.height() != height)) {
            width = latest.width();
            height = latest.height();
            shown = null;
            requested = false;
            header(1);
            rectangle(0, 0, width, height, DESKTOP_SIZE);
        } else {
            send(latest.resized(width, height));
        }
        if (wasEmpty && !out.isEmpty()) {
            waitingSince = now;
        }
    }

    private void send(Frame f) {
        int start = out.length();
        if (!mapSent) {
            colorMap();
        }
        int countAt = out.length() + 2;
        header(0);
        int count = 0;
        boolean all = whole || shown == null || shown.width() != f.width() || shown.height() != f.height();
        for (int y = 0; y < height; y += TILE) {
            int h = Math.min(TILE, height - y);
            int from = -1;
            for (int x = 0; x <= width; x += TILE) {
                int w = Math.min(TILE, width - x);
                boolean dirty = w > 0 && (all || !f.same(shown, x, y, w, h));
                if (dirty && from < 0) {
                    from = x;
                }
                boolean last = x + TILE >= width;
                if (from >= 0 && (!dirty || last)) {
                    int end = dirty ? x + w : x;
                    rectangle(from, y, end - from, h, encoding.number());
                    encoding.encode(f, from, y, end - from, h, format, out);
                    count++;
                    from = -1;
                }
                if (last) {
                    break;
                }
            }
        }
        if (count == 0) {
            out.truncate(start);
            return;
        }
        out.set(countAt, count >> 8);
        out.set(countAt + 1, count);
        mapSent = true;
        shown = f;
        whole = false;
        requested = false;
    }

    private void header(int count) {
        out.u8(0);
        out.u8(0);
        out.u16(count);
    }

    private void rectangle(int x, int y, int w, int h, int number) {
        out.u16(x);
        out.u16(y);
        out.u16(w);
        out.u16(h);
        out.u32(number);
    }

    /** Colors of 3, 3 and 2 bits. */
    private void colorMap() {
        out.u8(1);
        out.u8(0);
        out.u16(0);
        out.u16(256);
        for (int i = 0; i < 256; i++) {
            out.u16((i >> 5 & 7) * 0xffff / 7);
            out.u16((i >> 2 & 7) * 0xffff / 7);
            out.u16((i & 3) * 0xffff / 3);
        }
    }

    private int u16(int at) {
        return (in[at] & 0xff) << 8 | in[at + 1] & 0xff;
    }

    private int s32(int at) {
        return u16(at) << 16 | u16(at + 2);
    }

    /** Lets go of the keys and buttons that it held, and closes the connection. */
    @Override
    public void close() throws IOException {
        for (Key k : down) {
            input.key(k, false);
        }
        if (buttons != 0) {
            input.pointer(lastX, lastY, width, height, 0, 0);
        }
        down.clear();
        buttons = 0;
        zrle.close();
        channel.close();
    }
}
