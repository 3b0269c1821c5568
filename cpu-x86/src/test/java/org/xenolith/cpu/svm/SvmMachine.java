package org.xenolith.cpu.svm;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.xenolith.cpu.ControlRegisters;
import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.CpuState;
import org.xenolith.cpu.Flags;
import org.xenolith.cpu.TestMachine;

/**
 * A {@link TestMachine} in 64-bit mode with SVM on and a VMCB whose guest is as the host: 64-bit code at {@link #GUEST} under the same page
 * tables, and nested page tables that map 8 MiB as they are.
 */
final class SvmMachine implements AutoCloseable {
    static final long SAVE = 0x10_0000;
    static final long VMCB = 0x10_1000;
    static final long IOPM = 0x10_2000;
    static final long MSRPM = 0x10_5000;
    static final long TABLES = 0x11_0000;
    /** Where the guest runs, and the host's VMRUN. */
    static final long GUEST = 0x12_0000;
    static final long HOST = 0x13_0000;
    static final long GUEST_STACK = 0x14_0000;

    final TestMachine m;
    final Cpu c;
    final Svm svm;
    final Vmcb v = new Vmcb();

    SvmMachine() {
        this(new TestMachine(true));
    }

    SvmMachine(TestMachine machine) {
        m = machine;
        c = m.cpu;
        svm = c.svm();
        m.long64(0);
        c.setField(CpuState.EFER, c.efer() | ControlRegisters.EFER_SVME | ControlRegisters.EFER_NXE);
        c.updateMode();
        c.msrs().write(0xc001_0117, SAVE);
        v.setPage(c.mmu().physicalPage(VMCB));
        tables();
        guest();
        m.code(HOST, "0F01D8 F4");
    }

    private void tables() {
        m.write64(TABLES, TABLES + 0x1000 | 7);
        m.write64(TABLES + 0x1000, TABLES + 0x2000 | 7);
        for (int i = 0; i < 4; i++) {
            m.write64(TABLES + 0x2000 + 8 * i, (long) i << 21 | 0xe7);
        }
        // the first 2 MiB in pages of 4 KiB, so that a test can take one away
        m.write64(TABLES + 0x2000, TABLES + 0x3000 | 7);
        for (int i = 0; i < 512; i++) {
            m.write64(TABLES + 0x3000 + 8 * i, (long) i << 12 | 7);
        }
    }

    /** The nested entry of a page below 2 MiB. */
    static long entry(long gpa) {
        return TABLES + 0x3000 + (gpa >>> 12) * 8;
    }

    private void guest() {
        StateSave.saveGuest(c, v, true);
        StateSave.saveMore(c, v);
        v.put(Vmcb.RIP, GUEST);
        v.put(Vmcb.RSP, GUEST_STACK);
        v.put(Vmcb.RFLAGS, Flags.FIXED);
        v.putInt(Vmcb.ASID, 1);
        v.put(Vmcb.IOPM, IOPM);
        v.put(Vmcb.MSRPM, MSRPM);
        v.put(Vmcb.NESTED, 1);
        v.put(Vmcb.NESTED_CR3, TABLES);
        intercept(ExitCode.VMRUN, ExitCode.HLT, ExitCode.SHUTDOWN);
    }

    void intercept(int... codes) {
        for (int code : codes) {
            int at = Vmcb.INTERCEPTS + (code >>> 5) * 4;
            v.putInt(at, v.intAt(at) | 1 << (code & 31));
        }
    }

    /** Enters the guest by VMRUN, with code at its RIP. */
    void launch(String hex) {
        m.code(v.get(Vmcb.RIP), hex);
        launch();
    }

    void launch() {
        vmrun();
        assertNull(svm.failure());
        assertNotNull(c.guestMode(), "not in the guest");
    }

    /** Executes VMRUN. */
    void vmrun() {
        c.setReg(CpuState.RAX, VMCB);
        c.setRip(HOST);
        m.interpreter.run(1);
    }

    /** Runs until the next exit and gives its code. */
    int exit() {
        for (int n = 0; c.guestMode() != null; n++) {
            if (n > 1000 || m.interpreter.run(1) == 0) {
                throw new AssertionError(
                        "no exit; RIP " + Long.toHexString(c.rip()) + " " + c.activity() + " vector " + m.vector());
            }
        }
        return (int) v.get(Vmcb.EXIT_CODE);
    }

    /** Enters the guest with code and runs until it exits. */
    int run(String hex) {
        launch(hex);
        return exit();
    }

    @Override
    public void close() {
        m.close();
    }
}
