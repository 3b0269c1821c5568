package org.xenolith.host.screen;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/** A client of RFC 6143 with pixels of 32 bits, for tests; decodes raw, hextile and ZRLE by the words of the RFC. */
final class RfbClient implements AutoCloseable {
    private final Socket socket;
    private final DataInputStream in;
    private final DataOutputStream out;
    private final Inflater inflater = new Inflater();
    private int width;
    private int height;
    private int[] pixels;
    private int rectangles;
    /** The encodings seen in the last update, by their bits. */
    private long encodings;

    RfbClient(int port) throws IOException {
        socket = new Socket(InetAddress.getLoopbackAddress(), port);
        socket.setSoTimeout(20_000);
        in = new DataInputStream(socket.getInputStream());
        out = new DataOutputStream(socket.getOutputStream());
    }

    /** The handshake of a version. */
    RfbClient handshake(String version) throws IOException {
        byte[] theirs = in.readNBytes(12);
        if (!new String(theirs, StandardCharsets.US_ASCII).equals("RFB 003.008\n")) {
            throw new IOException("version " + new String(theirs, StandardCharsets.US_ASCII));
        }
        out.write(("RFB " + version + "\n").getBytes(StandardCharsets.US_ASCII));
        if (version.equals("003.003")) {
            check(in.readInt() == 1, "security");
        } else {
            // one type, none
            check(in.readUnsignedShort() == 0x0101, "security types");
            out.write(1);
            if (version.equals("003.008")) {
                check(in.readInt() == 0, "security result");
            }
        }
        out.write(1);
        size(in.readUnsignedShort(), in.readUnsignedShort());
        byte[] format = in.readNBytes(16);
        check(format[0] == 32 && format[1] == 24 && format[3] == 1, "pixel format");
        in.readNBytes(in.readInt());
        return this;
    }

    private static void check(boolean ok, String what) throws IOException {
        if (!ok) {
            throw new IOException(what);
        }
    }

    private void size(int w, int h) {
        width = w;
        height = h;
        pixels = new int[w * h];
    }

    void encodings(int... numbers) throws IOException {
        out.write(2);
        out.write(0);
        out.writeShort(numbers.length);
        for (int n : numbers) {
            out.writeInt(n);
        }
    }

    void request(boolean incremental) throws IOException {
        out.write(3);
        out.write(incremental ? 1 : 0);
        out.writeShort(0);
        out.writeShort(0);
        out.writeShort(width);
        out.writeShort(height);
    }

    void key(int keysym, boolean down) throws IOException {
        out.write(4);
        out.write(down ? 1 : 0);
        out.writeShort(0);
        out.writeInt(keysym);
    }

    void pointer(int mask, int x, int y) throws IOException {
        out.write(5);
        out.write(mask);
        out.writeShort(x);
        out.writeShort(y);
    }

    void raw(byte... bytes) throws IOException {
        out.write(bytes);
    }

    int read() throws IOException {
        return in.read();
    }

    int[] pixels() {
        return pixels;
    }

    int width() {
        return width;
    }

    int height() {
        return height;
    }

    int rectangles() {
        return rectangles;
    }

    long seen() {
        return encodings;
    }

    /** Receives one update. */
    void update() throws IOException {
        check(in.readUnsignedByte() == 0, "message type");
        in.readUnsignedByte();
        rectangles = in.readUnsignedShort();
        encodings = 0;
        for (int i = 0; i < rectangles; i++) {
            int x = in.readUnsignedShort();
            int y = in.readUnsignedShort();
            int w = in.readUnsignedShort();
            int h = in.readUnsignedShort();
            int encoding = in.readInt();
            switch (encoding) {
                case -223 -> size(w, h);
                case 0 -> fillRaw(in, x, y, w, h, 4);
                case 5 -> hextile(x, y, w, h);
                case 16 -> zrle(x, y, w, h);
                default -> throw new IOException("encoding " + encoding);
            }
            if (encoding >= 0) {
                encodings |= 1L << encoding;
            }
        }
    }

    private static int pixel(DataInputStream from, int bytes) throws IOException {
        int v = 0;
        for (int i = 0; i < bytes; i++) {
            v |= from.readUnsignedByte() << 8 * i;
        }
        return v | 0xff00_0000;
    }

    private void set(int x, int y, int p) {
        pixels[y * width + x] = p;
    }

    private void fill(int x, int y, int w, int h, int p) {
        for (int row = y; row < y + h; row++) {
            for (int column = x; column < x + w; column++) {
                set(column, row, p);
            }
        }
    }

    private void fillRaw(DataInputStream from, int x, int y, int w, int h, int bytes) throws IOException {
        for (int row = y; row < y + h; row++) {
            for (int column = x; column < x + w; column++) {
                set(column, row, pixel(from, bytes));
            }
        }
    }

    private void hextile(int x, int y, int w, int h) throws IOException {
        int background = 0;
        int foreground = 0;
        for (int ty = y; ty < y + h; ty += 16) {
            for (int tx = x; tx < x + w; tx += 16) {
                int tw = Math.min(16, x + w - tx);
                int th = Math.min(16, y + h - ty);
                int mask = in.readUnsignedByte();
                if ((mask & 1) != 0) {
                    fillRaw(in, tx, ty, tw, th, 4);
                    continue;
                }
                if ((mask & 2) != 0) {
                    background = pixel(in, 4);
                }
                if ((mask & 4) != 0) {
                    foreground = pixel(in, 4);
                }
                fill(tx, ty, tw, th, background);
                int n = (mask & 8) != 0 ? in.readUnsignedByte() : 0;
                for (int i = 0; i < n; i++) {
                    int color = (mask & 16) != 0 ? pixel(in, 4) : foreground;
                    int xy = in.readUnsignedByte();
                    int wh = in.readUnsignedByte();
                    fill(tx + (xy >> 4), ty + (xy & 15), (wh >> 4) + 1, (wh & 15) + 1, color);
                }
            }
        }
    }

    private void zrle(int x, int y, int w, int h) throws IOException {
        inflater.setInput(in.readNBytes(in.readInt()));
        byte[] data = new byte[w * h * 5 + 100_000];
        int length = 0;
        try {
            for (int n; (n = inflater.inflate(data, length, data.length - length)) > 0;) {
                length += n;
            }
        } catch (DataFormatException e) {
            throw new IOException(e);
        }
        DataInputStream d = new DataInputStream(new ByteArrayInputStream(data, 0, length));
        for (int ty = y; ty < y + h; ty += 64) {
            for (int tx = x; tx < x + w; tx += 64) {
                zrleTile(d, tx, ty, Math.min(64, x + w - tx), Math.min(64, y + h - ty));
            }
        }
        check(d.read() < 0, "bytes after the last tile");
    }

    private void zrleTile(DataInputStream d, int x, int y, int w, int h) throws IOException {
        int type = d.readUnsignedByte();
        if (type == 0) {
            fillRaw(d, x, y, w, h, 3);
        } else if (type == 1) {
            fill(x, y, w, h, pixel(d, 3));
        } else if (type <= 16) {
            int[] palette = new int[type];
            for (int i = 0; i < type; i++) {
                palette[i] = pixel(d, 3);
            }
            int bits = type == 2 ? 1 : type <= 4 ? 2 : 4;
            for (int row = 0; row < h; row++) {
                int value = 0;
                int have = 0;
                for (int column = 0; column < w; column++) {
                    if (have == 0) {
                        value = d.readUnsignedByte();
                        have = 8;
                    }
                    have -= bits;
                    set(x + column, y + row, palette[value >> have & (1 << bits) - 1]);
                }
            }
        } else {
            check(type == 128, "tile type " + type);
            int at = 0;
            while (at < w * h) {
                int p = pixel(d, 3);
                int run = 1;
                int b;
                do {
                    b = d.readUnsignedByte();
                    run += b;
                } while (b == 255);
                for (int end = at + run; at < end; at++) {
                    set(x + at % w, y + at / w, p);
                }
            }
        }
    }

    @Override
    public void close() throws IOException {
        inflater.end();
        socket.close();
    }
}
