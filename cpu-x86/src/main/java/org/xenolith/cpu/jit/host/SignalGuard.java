package org.xenolith.cpu.jit.host;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Puts an emitted handler in front of HotSpot's for the five signals that a tested instruction can raise, and gives the
 * calling thread an alternate stack with all other signals blocked, since a signal must never be delivered on a guest's
 * RSP. Undone by {@link #close()} on the same thread.
 */
final class SignalGuard implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final long handler;
    private final int[] signals = Trampoline.signals();
    private final MemorySegment[] oldActions = new MemorySegment[signals.length];
    private final MemorySegment oldStack = arena.allocate(HostCalls.STACK_T_SIZE, 8);
    private final MemorySegment oldMask = arena.allocate(HostCalls.SIGSET_SIZE, 8);

    /**
     * Installs the handler.
     *
     * @param handler  address of the emitted handler
     * @param oldTable where the handler finds the address to go on to, 8 bytes a signal number
     * @param altStack lowest address of the alternate stack
     * @param altSize  its bytes
     */
    SignalGuard(long handler, MemorySegment oldTable, long altStack, long altSize) {
        this.handler = handler;
        MemorySegment stack = arena.allocate(HostCalls.STACK_T_SIZE, 8);
        stack.set(ValueLayout.JAVA_LONG, 0, altStack);
        stack.set(ValueLayout.JAVA_LONG, 16, altSize);
        HostCalls.sigaltstack(stack, oldStack);
        MemorySegment block = arena.allocate(HostCalls.SIGSET_SIZE, 8).fill((byte) 0xff);
        long except = 0;
        for (int signal : signals) { except |= 1L << signal - 1; }
        block.set(ValueLayout.JAVA_LONG, 0, ~except);
        HostCalls.sigmask(HostCalls.SIG_BLOCK, block, oldMask);
        MemorySegment[] actions = new MemorySegment[signals.length];
        for (int i = 0; i < signals.length; i++) {
            oldActions[i] = arena.allocate(HostCalls.SIGACTION_SIZE, 8);
            HostCalls.sigaction(signals[i], MemorySegment.NULL, oldActions[i]);
            actions[i] = arena.allocate(HostCalls.SIGACTION_SIZE, 8);
            actions[i].set(ValueLayout.JAVA_LONG, 0, handler);
            actions[i].asSlice(HostCalls.SIGACTION_MASK, HostCalls.SIGSET_SIZE).fill((byte) 0xff);
            actions[i].set(ValueLayout.JAVA_INT, HostCalls.SIGACTION_FLAGS,
                    HostCalls.SA_SIGINFO | HostCalls.SA_ONSTACK | HostCalls.SA_RESTART);
        }
        long crash = oldHandler(signals.length - 1);
        for (int i = 0; i < signals.length; i++) {
            // SIG_DFL and SIG_IGN are no addresses: such a signal ends in HotSpot's SIGSEGV handler and its report.
            long next = oldHandler(i);
            oldTable.set(ValueLayout.JAVA_LONG, 8L * signals[i], next > 1 ? next : crash);
        }
        for (int i = 0; i < signals.length; i++) { HostCalls.sigaction(signals[i], actions[i], MemorySegment.NULL); }
    }

    private long oldHandler(int i) {
        return oldActions[i].get(ValueLayout.JAVA_LONG, 0);
    }

    /**
     * Takes the handler out again.
     *
     * @return false if someone has put another handler on top of it meanwhile, so that its code must stay mapped
     */
    boolean remove() {
        boolean clean = true;
        for (int i = 0; i < signals.length; i++) {
            MemorySegment now = arena.allocate(HostCalls.SIGACTION_SIZE, 8);
            HostCalls.sigaction(signals[i], MemorySegment.NULL, now);
            if (now.get(ValueLayout.JAVA_LONG, 0) == handler) {
                HostCalls.sigaction(signals[i], oldActions[i], MemorySegment.NULL);
            } else {
                clean = false;
            }
        }
        HostCalls.sigmask(HostCalls.SIG_SETMASK, oldMask, MemorySegment.NULL);
        HostCalls.sigaltstack(oldStack, MemorySegment.NULL);
        return clean;
    }

    @Override
    public void close() {
        arena.close();
    }
}
