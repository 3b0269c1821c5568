package org.xenolith.cpu.virt;

import org.xenolith.cpu.Cpu;
import org.xenolith.cpu.decode.Insn;

/**
 * A CPU in VMX non-root operation or in an SVM guest: what may cause a VM exit, and the exit itself (SDM vol. 3, chapters 26 to 28; APM vol. 2,
 * chapter 15). {@code Cpu.guestMode()} is null in root or host mode.
 *
 * <p>In the middle of an instruction or of a page walk an exit is made with {@code throw cpu.vmExit()}, after the cause has been noted; it
 * unwinds like a fault, RIP goes back to the instruction, and {@link #exit} completes it. Everywhere else the methods here make the exit
 * themselves and say so.
 */
public interface GuestMode {
    /**
     * An instruction whose row in the table has {@code vm} or {@code vmoften} is about to execute, and would not raise #UD, #GP or #NM for
     * its privilege or mode; RIP is past it.
     *
     * @return true when it shall execute; false when it is done, or the exit that it causes has been made
     */
    boolean instruction(Cpu cpu, Insn i);

    /** Whether any instruction of the rows marked {@code vmoften} is intercepted: else their translations run at full speed. */
    boolean interceptsOften();

    /**
     * An exception, or the event of INT3, INTO, INT1 or INT n, is about to go through the guest's IDT; RIP is the address to return to.
     *
     * @param event an {@link EventInfo}
     * @param during the event in whose delivery this one arose, or 0
     * @return true when it has been turned into an exit
     */
    boolean event(Cpu cpu, long event, long during);

    /** A triple fault: true when it has been turned into an exit. */
    boolean tripleFault(Cpu cpu);

    /**
     * Completes an exit that {@code cpu.vmExit()} began; RIP is the instruction's.
     *
     * @param during the event in whose delivery it came about ({@link EventInfo}), or 0
     */
    void exit(Cpu cpu, long during);

    /**
     * Between two instructions, with something that may be due: an event to inject, pending traps, a window that has opened, an interrupt,
     * NMI or start-up message that exits, a timer.
     *
     * @return true when something was done; the method is then called again
     */
    boolean boundary(Cpu cpu);

    /** The guest waits in HLT, MWAIT or wait-for-SIPI: true when {@link #boundary} would have something for it. */
    boolean wakes(Cpu cpu);

    /** True when {@link #boundary} waits for nothing but RFLAGS.IF to be set. */
    boolean awaitsInterruptFlag(Cpu cpu);

    /** Interrupts for the CPU that {@link #boundary} has left go to the guest as RFLAGS.IF says. */
    default boolean takesInterrupts(Cpu cpu) {
        return true;
    }

    /** A switch to another task by far branch, IRET or gate is about to begin: returns when it may, or exits by {@code cpu.vmExit()}. */
    void taskSwitch(Cpu cpu, int selector, TaskSwitchSource source, boolean hasError, int error);

    /** What began a task switch, in the encoding of exit qualifications (SDM vol. 3, table 28-2). */
    enum TaskSwitchSource {
        CALL, IRET, JMP, GATE
    }

    /**
     * IN, OUT, INS or OUTS is about to access a port, and the program may.
     *
     * @param in false for OUT and OUTS
     * @return true when it shall; false when the exit that IN or OUT causes has been made (INS and OUTS exit by {@code cpu.vmExit()})
     */
    boolean port(Cpu cpu, Insn i, int port, int bytes, boolean in);

    /** What the guest's time-stamp counter is ahead of the CPU's own, which WRMSR sets. */
    default long tscOffset(Cpu cpu) {
        return 0;
    }

    /** MOV from a control register (0, 3, 4 or 8), SMSW: what the guest sees. */
    long readCr(Cpu cpu, int number, long value);

    /** MOV to CR0 or CR4, LMSW, CLTS: what is really loaded, with the bits that the host owns unchanged. */
    long writeCr(Cpu cpu, int number, long value);

    /** MOV to CR8: true when it has gone to a virtual task priority. */
    boolean writeTpr(Cpu cpu, long value);
}
