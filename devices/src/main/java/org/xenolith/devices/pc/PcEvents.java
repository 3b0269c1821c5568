package org.xenolith.devices.pc;

/**
 * What a PC does to the machine or domain around it. Calls come in the middle of an instruction: a reset or an end is to be carried out after
 * it.
 */
public interface PcEvents {
    /** The guest asks for a reset (port CF9h, port 92h, keyboard controller): of CPUs, and by {@link Pc#reset} of devices. */
    void reset();

    /** The guest turns the power off (S5). */
    void powerOff();

    /** The guest writes a byte, 0 to 255, to isa-debug-exit. */
    void exit(int code);

    /** The A20 gate changes: while it is closed, bit 20 of the physical addresses of CPUs is 0. */
    void a20(boolean open);
}
