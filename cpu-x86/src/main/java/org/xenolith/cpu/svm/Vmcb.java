package org.xenolith.cpu.svm;

import static org.xenolith.memory.RawMemory.get16;
import static org.xenolith.memory.RawMemory.get32;
import static org.xenolith.memory.RawMemory.get64;
import static org.xenolith.memory.RawMemory.get8;
import static org.xenolith.memory.RawMemory.put16;
import static org.xenolith.memory.RawMemory.put32;
import static org.xenolith.memory.RawMemory.put64;
import static org.xenolith.memory.RawMemory.put8;

/** A virtual machine control block in a page of memory (APM vol. 2, appendix B). The host save area has its state in the same layout. */
final class Vmcb {
    /** Six words of intercepts: bit n of word w asks for exit code {@code 32 * w + n}. */
    static final int INTERCEPTS = 0x000;
    static final int INTERCEPT_WORDS = 6;
    static final int PAUSE_THRESHOLD = 0x03c;
    static final int PAUSE_COUNT = 0x03e;
    static final int IOPM = 0x040;
    static final int MSRPM = 0x048;
    static final int TSC_OFFSET = 0x050;
    static final int ASID = 0x058;
    static final int TLB_CONTROL = 0x05c;
    static final int VIRTUAL_INTERRUPT = 0x060;
    static final int SHADOW = 0x068;
    static final int EXIT_CODE = 0x070;
    static final int EXIT_INFO_1 = 0x078;
    static final int EXIT_INFO_2 = 0x080;
    static final int EXIT_INT_INFO = 0x088;
    static final int NESTED = 0x090;
    static final int EVENT_INJECTION = 0x0a8;
    static final int NESTED_CR3 = 0x0b0;
    static final int CLEAN = 0x0c0;
    static final int NEXT_RIP = 0x0c8;
    static final int FETCHED = 0x0d0;

    /** Fields of {@link #VIRTUAL_INTERRUPT}. */
    static final long V_TPR = 0xff;
    static final long V_IRQ = 1 << 8;
    static final int V_PRIORITY_SHIFT = 16;
    static final long V_IGNORE_TPR = 1 << 20;
    static final long V_MASKING = 1 << 24;
    static final int V_VECTOR_SHIFT = 32;

    static final long NESTED_PAGING = 1;

    /** ES CS SS DS FS GS, 16 bytes each: selector, attributes, limit, base. */
    static final int SEGMENTS = 0x400;
    static final int GDTR = 0x460;
    static final int LDTR = 0x470;
    static final int IDTR = 0x480;
    static final int TR = 0x490;
    static final int CPL = 0x4cb;
    static final int EFER = 0x4d0;
    static final int CR4 = 0x548;
    static final int CR3 = 0x550;
    static final int CR0 = 0x558;
    static final int DR7 = 0x560;
    static final int DR6 = 0x568;
    static final int RFLAGS = 0x570;
    static final int RIP = 0x578;
    static final int RSP = 0x5d8;
    static final int RAX = 0x5f8;
    static final int STAR = 0x600;
    static final int LSTAR = 0x608;
    static final int CSTAR = 0x610;
    static final int FMASK = 0x618;
    static final int KERNEL_GS_BASE = 0x620;
    static final int SYSENTER_CS = 0x628;
    static final int SYSENTER_ESP = 0x630;
    static final int SYSENTER_EIP = 0x638;
    static final int CR2 = 0x640;
    static final int PAT = 0x668;

    private long page;

    /** @param hostPage host address of the page */
    void setPage(long hostPage) {
        page = hostPage;
    }

    long page() {
        return page;
    }

    int byteAt(int field) {
        return get8(page + field);
    }

    int shortAt(int field) {
        return get16(page + field);
    }

    int intAt(int field) {
        return get32(page + field);
    }

    long get(int field) {
        return get64(page + field);
    }

    void putByte(int field, int v) {
        put8(page + field, v);
    }

    void putShort(int field, int v) {
        put16(page + field, v);
    }

    void putInt(int field, int v) {
        put32(page + field, v);
    }

    void put(int field, long v) {
        put64(page + field, v);
    }
}
