package org.xenolith.cpu.virt;

import org.xenolith.cpu.Exceptions;
import org.xenolith.cpu.Vector;

/**
 * An event in the layout that VMX's interruption information and SVM's EVENTINJ share: vector 7:0, type 10:8, error code valid 11, valid 31;
 * the error code in the upper half (SDM vol. 3, tables 25-17 and 25-20; APM vol. 2, 15.20).
 */
public final class EventInfo {
    public static final int EXTERNAL = 0;
    public static final int NMI = 2;
    public static final int EXCEPTION = 3;
    public static final int SOFTWARE = 4;
    /** INT1; SVM knows only {@link #EXCEPTION}. */
    public static final int PRIVILEGED_SOFTWARE = 5;
    /** INT3 and INTO; SVM knows only {@link #EXCEPTION}. */
    public static final int SOFTWARE_EXCEPTION = 6;

    public static final long HAS_ERROR = 1 << 11;
    public static final long VALID = 1L << 31;

    private EventInfo() {
    }

    public static long of(int vector, Exceptions.Source source, boolean hasError, int error) {
        int type = switch (source) {
            case EXCEPTION, TRAP -> EXCEPTION;
            case EXTERNAL -> vector == Vector.NMI ? NMI : EXTERNAL;
            case SOFTWARE -> SOFTWARE;
            case SOFTWARE_EXCEPTION -> SOFTWARE_EXCEPTION;
            case PRIVILEGED_SOFTWARE -> PRIVILEGED_SOFTWARE;
        };
        return VALID | vector | (long) type << 8 | (hasError ? HAS_ERROR | (long) error << 32 : 0);
    }

    public static int vector(long event) {
        return (int) event & 0xff;
    }

    public static int type(long event) {
        return (int) event >>> 8 & 7;
    }

    public static boolean hasError(long event) {
        return (event & HAS_ERROR) != 0;
    }

    public static int error(long event) {
        return (int) (event >>> 32);
    }

    /** How {@code Exceptions.deliver} is to be told of an event of that type. */
    public static Exceptions.Source source(long event) {
        return switch (type(event)) {
            case EXTERNAL, NMI -> Exceptions.Source.EXTERNAL;
            case SOFTWARE -> Exceptions.Source.SOFTWARE;
            case PRIVILEGED_SOFTWARE -> Exceptions.Source.PRIVILEGED_SOFTWARE;
            case SOFTWARE_EXCEPTION -> Exceptions.Source.SOFTWARE_EXCEPTION;
            default -> Exceptions.Source.EXCEPTION;
        };
    }
}
