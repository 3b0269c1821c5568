package org.xenolith.hypervisor.hypercall;

import org.xenolith.hypervisor.abi.Errno;

/** HYPERVISOR_console_io: the hypervisor's own console, for domains that the toolstack allows to use it. */
final class ConsoleIo implements Hypercall {
    private static final int WRITE = 0;
    private static final int READ = 1;

    @Override
    public long call(HypercallContext c) {
        if (!c.domain().config().console()) {
            return -Errno.EPERM;
        }
        long count = c.arg(1) & 0xffff_ffffL;
        switch (c.arg32(0)) {
            case WRITE -> {
                int n = (int) Math.min(count, HypercallContext.WORK_LIMIT);
                for (byte b : c.readBytes(c.arg(2), n)) {
                    c.domain().console().put(b & 0xff);
                }
                return n < count ? c.again(WRITE, count - n, c.arg(2) + n) : 0;
            }
            case READ -> {
                return 0;
            }
            default -> {
                return -Errno.ENOSYS;
            }
        }
    }
}
