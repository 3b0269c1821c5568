package org.xenolith.hypervisor.hypercall;

import static org.xenolith.hypervisor.abi.Struct.word;

import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.Struct;
import org.xenolith.hypervisor.abi.StructView;

/** HYPERVISOR_multicall: a list of hypercalls, each with its result stored in its entry. */
final class Multicall implements Hypercall {
    static final Struct ENTRY = Struct.of("struct multicall_entry", word("op"), word("result"), word("args[0]"),
            word("args[1]"),
            word("args[2]"), word("args[3]"), word("args[4]"), word("args[5]"));

    private static final int NUMBER = 13;
    private static final int MAX_CALLS = 64;

    private final HypercallTable table;

    Multicall(HypercallTable table) {
        this.table = table;
    }

    @Override
    public long call(HypercallContext c) {
        long list = c.arg(0);
        long left = c.arg(1) & 0xffff_ffffL;
        int size = ENTRY.size(c.abi());
        for (int done = 0; left > 0; done++) {
            if (done == MAX_CALLS) {
                return c.again(list, left);
            }
            StructView e = c.read(ENTRY, list);
            long[] args = new long[6];
            for (int i = 0; i < args.length; i++) {
                args[i] = e.get("args[" + i + "]");
            }
            HypercallContext inner = new HypercallContext(c.vcpu(), c.abi(), args);
            int number = e.get32("op");
            // a multicall in a multicall would nest without limit
            long result = number == NUMBER ? -Errno.EINVAL : table.call(inner, number);
            if (inner.preempted()) {
                for (int i = 0; i < args.length; i++) {
                    e.set("args[" + i + "]", args[i]);
                }
                c.write(e, list);
                return c.again(list, left);
            }
            e.set("result", result);
            c.write(e, list);
            list += size;
            left--;
        }
        return 0;
    }
}
