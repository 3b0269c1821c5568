package org.xenolith.cpu;

final class TaskSwitch {
    private TaskSwitch() {
    }

    static void interrupt(Cpu c, int selector, long flags, int ext, boolean hasError, int error) {
        c.environment().unimplemented(c, "task switch");
        throw c.fault(Vector.GP, Descriptors.error(selector, ext));
    }

    static void jump(Cpu c, int selector, long d) {
        c.environment().unimplemented(c, "task switch");
        throw c.fault(Vector.GP, Descriptors.error(selector, 0));
    }

    static void call(Cpu c, int selector, long d) {
        jump(c, selector, d);
    }

    static void ret(Cpu c) {
        c.environment().unimplemented(c, "task switch");
        throw c.gp0();
    }
}
