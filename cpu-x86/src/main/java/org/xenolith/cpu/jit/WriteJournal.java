package org.xenolith.cpu.jit;

import static org.xenolith.memory.RawMemory.get16;
import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.get8;
import static org.xenolith.memory.RawMemory.put16;
import static org.xenolith.memory.RawMemory.put32;
import static org.xenolith.memory.RawMemory.put64;
import static org.xenolith.memory.RawMemory.put8;

import java.util.Arrays;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.Vector;
import org.xenolith.cpu.mmu.Mmu;

/**
 * Hears of every data access of the interpreter before it is made, keeps what a write overwrites, and refuses what could not be undone: it
 * ends the instruction like a fault at that access would.
 *
 * <p>Refused are accesses that are not in one page of plain RAM, writes to pages with decoded code, writes that the environment makes in
 * place of a deprivileged kernel, and accesses that need a page walk once something has been written, because the walk may see what was
 * written.
 */
final class WriteJournal implements Mmu.DataBreakpoints {
    private final Cpu cpu;
    private final Mmu mmu;
    private long[] va = new long[64];
    private long[] host = new long[64];
    private byte[] bytes = new byte[64];
    private long[] before = new long[64];
    private long[] after = new long[64];
    private int writes;
    private long[] walked = new long[16];
    private int walks;

    WriteJournal(Cpu cpu) {
        this.cpu = cpu;
        this.mmu = cpu.mmu();
    }

    /** Forgets what it holds. */
    void begin() {
        writes = 0;
        walks = 0;
    }

    @Override
    public void accessed(long at, int n, boolean write) {
        if ((at & 0xfff) + n > 4096) {
            throw cpu.fault(Vector.DB);
        }
        long h = mmu.peekHit(at, n, write);
        if (h == 0) {
            h = mmu.peekRam(at, write);
            if (h == 0 || h != -1 && writes > 0 || write && cpu.environment().emulatesWrite(cpu, at)) {
                throw cpu.fault(Vector.DB);
            }
            if (h == -1) {
                // it faults by itself
                return;
            }
            walked(at);
        }
        if (write) {
            add(at, h, n);
        }
    }

    private void walked(long at) {
        if (walks == walked.length) {
            walked = Arrays.copyOf(walked, 2 * walks);
        }
        walked[walks++] = at;
    }

    private void add(long at, long h, int n) {
        if (writes == va.length) {
            va = Arrays.copyOf(va, 2 * writes);
            host = Arrays.copyOf(host, 2 * writes);
            bytes = Arrays.copyOf(bytes, 2 * writes);
            before = Arrays.copyOf(before, 2 * writes);
            after = Arrays.copyOf(after, 2 * writes);
        }
        va[writes] = at;
        host[writes] = h;
        bytes[writes] = (byte) n;
        before[writes++] = load(h, n);
    }

    /** Keeps what was written, puts back what was there before, and drops the translations that were filled in between. */
    void undo() {
        for (int k = 0; k < writes; k++) {
            after[k] = load(host[k], bytes[k]);
        }
        restore();
        for (int k = 0; k < walks; k++) {
            mmu.forget(walked[k]);
        }
    }

    /** Puts back what was there before. */
    void restore() {
        restore(0);
    }

    /** Writes so far. */
    int writes() {
        return writes;
    }

    /** Takes back the writes from number {@code first} on, those of an instruction that was refused half-way. */
    void cancel(int first) {
        restore(first);
        writes = first;
    }

    private void restore(int first) {
        for (int k = writes - 1; k >= first; k--) {
            switch (bytes[k]) {
                case 1 -> put8(host[k], (int) before[k]);
                case 2 -> put16(host[k], (int) before[k]);
                case 4 -> put32(host[k], (int) before[k]);
                default -> put64(host[k], before[k]);
            }
        }
    }

    /** Number of the first write, from {@code from} on, whose place does not hold what the interpreter left there; -1 when none. */
    int difference(int from) {
        for (int k = from; k < writes; k++) {
            if (load(host[k], bytes[k]) != after[k]) {
                return k;
            }
        }
        return -1;
    }

    long address(int k) {
        return va[k];
    }

    int bytes(int k) {
        return bytes[k];
    }

    /** What the interpreter left there. */
    long expected(int k) {
        return after[k];
    }

    /** What is there now. */
    long now(int k) {
        return load(host[k], bytes[k]);
    }

    private static long load(long h, int n) {
        return switch (n) {
            case 1 -> get8(h);
            case 2 -> get16(h);
            case 4 -> get32(h) & 0xffff_ffffL;
            default -> get64(h);
        };
    }
}
