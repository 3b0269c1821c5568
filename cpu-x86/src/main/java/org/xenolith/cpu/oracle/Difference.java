package org.xenolith.cpu.oracle;

import java.util.List;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.Vector;

/** What of two end states has to agree, and what does not: the masks of one comparison and the comparison itself. */
final class Difference {
    /** Flags that user code can see and that the host does not use itself. */
    static final int VISIBLE_FLAGS = Flags.ARITHMETIC | Flags.DF | Flags.NT | Flags.AC | Flags.ID;
    private static final int MAX_RANGES = 4;
    private static final String[] NAMES = {"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI"};

    /** Bits of each register that are compared. */
    final long[] gpr = new long[16];
    /** A bit for each 64-bit lane of YMM0 to YMM15 that is not compared. */
    long skippedLanes;
    /** A bit for each ST register that is not compared. */
    int skippedStack;
    int flags;
    int fsw;
    int mxcsr;
    boolean rip;
    boolean fsBase;
    boolean gsBase;
    /** Bits of CR2 that are compared after a page fault. */
    long faultAddress;
    boolean errorCode;
    /** Either end is right, so nothing is compared. */
    boolean nothing;
    boolean tags;
    /** Ranges of data that are not compared: offset and length. */
    final int[] rangeOffset = new int[MAX_RANGES];
    final int[] rangeLength = new int[MAX_RANGES];
    int ranges;
    private final boolean avx;

    Difference(boolean avx) {
        this.avx = avx;
    }

    /** Everything is compared. */
    void reset(boolean compat) {
        java.util.Arrays.fill(gpr, compat ? 0xffff_ffffL : -1L);
        if (compat) {
            // The upper halves are undefined after 32-bit code (SDM vol. 1, 3.4.1.1).
            java.util.Arrays.fill(gpr, 8, 16, 0);
        }
        skippedLanes = 0;
        skippedStack = 0;
        flags = VISIBLE_FLAGS;
        fsw = 0xffff;
        mxcsr = -1;
        rip = true;
        fsBase = true;
        gsBase = true;
        faultAddress = -1L;
        errorCode = true;
        nothing = false;
        tags = true;
        ranges = 0;
    }

    void skipLanes(int register, int lanes) {
        skippedLanes |= (long) lanes << 4 * register;
    }

    void skipMemory(Arena arena, long address, int bytes) {
        if (ranges < MAX_RANGES) {
            rangeOffset[ranges] = (int) (address - arena.dataBase());
            rangeLength[ranges++] = bytes;
        }
    }

    boolean skipped(long offset) {
        if (nothing) {
            return true;
        }
        for (int i = 0; i < ranges; i++) {
            if (offset >= rangeOffset[i] && offset < rangeOffset[i] + rangeLength[i]) {
                return true;
            }
        }
        return false;
    }

    /** True if the register states differ where they must not. */
    boolean differ(MachineState host, MachineState guest) {
        if (nothing) {
            return false;
        }
        if (host.vector != guest.vector || rip && host.rip != guest.rip) {
            return true;
        }
        long d = 0;
        for (int i = 0; i < 16; i++) {
            d |= (host.gpr[i] ^ guest.gpr[i]) & gpr[i];
        }
        // RF tells a fault from a trap; a host branch that ends in a fetch fault has it by that fault.
        int compared = flags | (host.vector >= 0 && host.vector != Vector.DB ? Flags.RF : 0);
        d |= (host.rflags ^ guest.rflags) & compared | (host.fsw ^ guest.fsw) & fsw | host.fcw ^ guest.fcw
                | (tags ? host.tags ^ guest.tags : 0) | (host.mxcsr ^ guest.mxcsr) & mxcsr;
        d |= fsBase ? host.fsBase ^ guest.fsBase : 0;
        d |= gsBase ? host.gsBase ^ guest.gsBase : 0;
        for (int i = 0; i < 64; i++) {
            if ((skippedLanes >>> i & 1) == 0 && (avx || (i & 2) == 0)) {
                d |= host.ymm[i] ^ guest.ymm[i];
            }
        }
        for (int i = 0; i < 8; i++) {
            if ((skippedStack >> i & 1) == 0) {
                d |= host.significand[i] ^ guest.significand[i] | host.exponent[i] ^ guest.exponent[i];
            }
        }
        for (int i = 0; i < 4; i++) {
            d |= selector(host, i) ^ selector(guest, i);
        }
        if (host.vector >= 0) {
            if (errorCode && Vector.hasErrorCode(host.vector)) {
                d |= host.errorCode ^ guest.errorCode;
            }
            if (host.vector == Vector.PF) {
                d |= (host.faultAddress ^ guest.faultAddress) & faultAddress;
            }
        }
        return d != 0;
    }

    /** Describes every difference of the register states, a line each. */
    void describe(MachineState host, MachineState guest, List<String> lines) {
        if (host.vector != guest.vector) {
            lines.add("end: host " + end(host) + ", interpreter " + end(guest));
        }
        if (rip) {
            add(lines, "RIP", host.rip, guest.rip, -1L);
        }
        for (int i = 0; i < 16; i++) {
            add(lines, register(i), host.gpr[i], guest.gpr[i], gpr[i]);
        }
        add(lines, "RFLAGS", host.rflags, guest.rflags, flags | (host.vector >= 0 ? Flags.RF : 0));
        for (int i = 0; i < 64; i++) {
            if ((skippedLanes >>> i & 1) == 0 && (avx || (i & 2) == 0)) {
                add(lines, "YMM" + (i >> 2) + "[" + (i & 3) + "]", host.ymm[i], guest.ymm[i], -1L);
            }
        }
        add(lines, "MXCSR", host.mxcsr, guest.mxcsr, mxcsr);
        add(lines, "FCW", host.fcw, guest.fcw, -1L);
        add(lines, "FSW", host.fsw, guest.fsw, fsw);
        add(lines, "FTW", host.tags, guest.tags, tags ? -1L : 0);
        for (int i = 0; i < 8; i++) {
            if ((skippedStack >> i & 1) == 0 && (host.significand[i] != guest.significand[i]
                    || host.exponent[i] != guest.exponent[i])) {
                lines.add("ST" + i + ": host " + stack(host, i) + ", interpreter " + stack(guest, i));
            }
        }
        if (fsBase) {
            add(lines, "FS base", host.fsBase, guest.fsBase, -1L);
        }
        if (gsBase) {
            add(lines, "GS base", host.gsBase, guest.gsBase, -1L);
        }
        for (int i = 0; i < 4; i++) {
            add(lines, new String[]{"ES", "DS", "FS", "GS"}[i], host.selector[i], guest.selector[i], -1L);
        }
        if (host.vector >= 0 && host.vector == guest.vector) {
            if (errorCode && Vector.hasErrorCode(host.vector)) {
                add(lines, "error code", host.errorCode, guest.errorCode, -1L);
            }
            if (host.vector == Vector.PF) {
                add(lines, "CR2", host.faultAddress, guest.faultAddress, faultAddress);
            }
        }
    }

    /** IRET of a host interrupt in between clears the RPL of a null selector, so 0 to 3 count as the same. */
    private static int selector(MachineState s, int i) {
        return s.selector[i] < 4 ? 0 : s.selector[i];
    }

    static String register(int i) {
        return i < 8 ? NAMES[i] : "R" + i;
    }

    static String stack(MachineState s, int i) {
        return Integer.toHexString(s.exponent[i]) + ":" + Long.toHexString(s.significand[i]);
    }

    private static String end(MachineState s) {
        return s.vector < 0 ? "at " + Long.toHexString(s.rip) : Vector.name(s.vector);
    }

    private static void add(List<String> lines, String name, long host, long guest, long mask) {
        if (((host ^ guest) & mask) != 0) {
            lines.add(name + ": host " + Long.toHexString(host) + ", interpreter " + Long.toHexString(guest));
        }
    }
}
