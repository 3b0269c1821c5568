package org.xenolith.devices.usb;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A full-speed USB device as the bus sees it: transactions to its endpoints (Universal Serial Bus 1.1, chapters 8 and 9). This class has the default
 * control endpoint and the standard requests; what is on the wire never fails, so that data toggles are not checked.
 */
public abstract class UsbFunction {
    /** Answer to a transaction: try again later. */
    static final int NAK = -1;
    /** Answer to a transaction: it cannot be done. */
    static final int STALL = -2;

    /** Bytes of a packet of the control endpoint. */
    protected static final int MAX_PACKET = 8;
    private static final int MAX_DATA_OUT = 64;
    private static final int DEVICE = 1;
    private static final int CONFIGURATION = 2;
    private static final int STRING = 3;
    private static final int TO_HOST = 0x80;
    private static final int REMOTE_WAKEUP = 1;

    private enum Stage {
        IDLE, DATA_IN, DATA_OUT, STATUS_IN, STALLED
    }

    /** A SETUP packet. */
    protected record Request(int type, int code, int value, int index, int length) {
        boolean is(int wantedType, int wantedCode) {
            return type == wantedType && code == wantedCode;
        }
    }

    private final String[] strings;
    private Stage stage = Stage.IDLE;
    private Request request = new Request(0, 0, 0, 0, 0);
    private byte[] data = new byte[0];
    private int at;
    private int address;
    private int configuration;
    private boolean remoteWakeup;
    private boolean halted;
    private Runnable wake = () -> {};

    /** @param strings manufacturer, product and serial number */
    protected UsbFunction(String... strings) {
        this.strings = strings.clone();
    }

    // ---- for subclasses ----

    protected abstract byte[] deviceDescriptor();

    /** The configuration descriptor and all that comes with it. */
    protected abstract byte[] configurationDescriptor();

    /** A descriptor that is read through an interface, or null. */
    protected abstract byte[] interfaceDescriptor(int type, int index);

    /** A class request towards the host; null for STALL. */
    protected abstract byte[] classIn(Request r);

    /** A class request with what the host sent; false for STALL. */
    protected abstract boolean classOut(Request r, byte[] sent);

    /** Bytes that interrupt endpoint 1 has to say, or null for none now. */
    protected abstract byte[] report();

    /** After a reset of the bus, or when it is configured. */
    protected abstract void restart();

    /** There is something to report: a sleeping host is woken if it asked for that. */
    protected final void changed() {
        if (remoteWakeup) {
            wake.run();
        }
    }

    // ---- for the host controller ----

    final void setWake(Runnable hears) {
        wake = hears;
    }

    final int address() {
        return address;
    }

    final void busReset() {
        stage = Stage.IDLE;
        address = 0;
        configuration = 0;
        remoteWakeup = false;
        halted = false;
        restart();
    }

    /** SETUP, of 8 bytes. */
    final int setup(byte[] p) {
        request = new Request(p[0] & 0xff, p[1] & 0xff, p[2] & 0xff | (p[3] & 0xff) << 8,
                p[4] & 0xff | (p[5] & 0xff) << 8, p[6] & 0xff | (p[7] & 0xff) << 8);
        at = 0;
        if ((request.type & TO_HOST) != 0) {
            byte[] answer = answer();
            stage = answer == null ? Stage.STALLED : Stage.DATA_IN;
            data = answer == null ? data : Arrays.copyOf(answer, Math.min(answer.length, request.length));
        } else if (request.length == 0) {
            stage = carryOut(new byte[0]) ? Stage.STATUS_IN : Stage.STALLED;
        } else if (request.length > MAX_DATA_OUT) {
            stage = Stage.STALLED;
        } else {
            stage = Stage.DATA_OUT;
            data = new byte[request.length];
        }
        return 8;
    }

    /** OUT of {@code length} bytes; how many were taken, or NAK or STALL. */
    final int out(int endpoint, byte[] from, int length) {
        if (endpoint != 0) {
            return STALL;
        }
        switch (stage) {
            case DATA_IN -> {
                // the status stage, perhaps before all data were read
                stage = Stage.IDLE;
                return length;
            }
            case DATA_OUT -> {
                int n = Math.min(length, data.length - at);
                System.arraycopy(from, 0, data, at, n);
                at += n;
                if (at == data.length) {
                    stage = carryOut(data) ? Stage.STATUS_IN : Stage.STALLED;
                }
                return length;
            }
            default -> {
                return STALL;
            }
        }
    }

    /** IN of at most {@code max} bytes; how many there are, or NAK or STALL. */
    final int in(int endpoint, byte[] to, int max) {
        if (endpoint == 1) {
            return interrupt(to, max);
        }
        if (endpoint != 0) {
            return STALL;
        }
        switch (stage) {
            case DATA_IN -> {
                int n = Math.min(Math.min(max, MAX_PACKET), data.length - at);
                System.arraycopy(data, at, to, 0, n);
                at += n;
                return n;
            }
            case STATUS_IN -> {
                stage = Stage.IDLE;
                if (request.is(0, 5)) {
                    // SET_ADDRESS counts from the end of its status stage
                    address = request.value & 0x7f;
                }
                return 0;
            }
            default -> {
                return STALL;
            }
        }
    }

    private int interrupt(byte[] to, int max) {
        if (configuration == 0 || halted) {
            return STALL;
        }
        byte[] r = report();
        if (r == null) {
            return NAK;
        }
        int n = Math.min(max, r.length);
        System.arraycopy(r, 0, to, 0, n);
        return n;
    }

    private byte[] answer() {
        if ((request.type & 0x60) != 0) {
            return classIn(request);
        }
        return switch (request.code) {
            case 0 -> new byte[]{(byte) switch (request.type & 0x1f) {
                case 0 -> 1 | (remoteWakeup ? 2 : 0);
                case 2 -> request.index == 0x81 && halted ? 1 : 0;
                default -> 0;
            }, 0};
            case 6 -> descriptor(request.value >>> 8, request.value & 0xff);
            case 8 -> new byte[]{(byte) configuration};
            case 10 -> new byte[]{0};
            default -> null;
        };
    }

    private byte[] descriptor(int type, int index) {
        if ((request.type & 0x1f) == 1) {
            return interfaceDescriptor(type, index);
        }
        return switch (type) {
            case DEVICE -> deviceDescriptor();
            case CONFIGURATION -> index == 0 ? configurationDescriptor() : null;
            case STRING -> string(index);
            default -> interfaceDescriptor(type, index);
        };
    }

    private byte[] string(int index) {
        if (index == 0) {
            // US English
            return new byte[]{4, STRING, 9, 4};
        }
        if (index > strings.length) {
            return null;
        }
        byte[] text = strings[index - 1].getBytes(StandardCharsets.UTF_16LE);
        byte[] d = new byte[2 + text.length];
        d[0] = (byte) d.length;
        d[1] = STRING;
        System.arraycopy(text, 0, d, 2, text.length);
        return d;
    }

    private boolean carryOut(byte[] sent) {
        if ((request.type & 0x60) != 0) {
            return classOut(request, sent);
        }
        switch (request.code) {
            case 1, 3 -> {
                boolean set = request.code == 3;
                if (request.type == 0 && request.value == REMOTE_WAKEUP) {
                    remoteWakeup = set;
                } else if (request.type == 2 && request.value == 0 && (request.index & 0x7f) <= 1) {
                    halted = set && request.index == 0x81;
                } else {
                    return false;
                }
                return true;
            }
            case 5 -> {
                return request.type == 0;
            }
            case 9 -> {
                if (request.value > 1) {
                    return false;
                }
                configuration = request.value;
                halted = false;
                restart();
                return true;
            }
            case 11 -> {
                return request.value == 0;
            }
            default -> {
                return false;
            }
        }
    }
}
