package org.xenolith.hypervisor.hypercall;

import java.util.Map;
import java.util.TreeMap;

/** The sub-operations of one hypercall by number. What is not among them is counted and returns -ENOSYS. */
final class SubOperations {
    /** Carries out a sub-operation whose argument is usually the address of its structure. */
    @FunctionalInterface
    interface Operation {
        long call(HypercallContext c, long arg);
    }

    private record Row(String name, Operation operation) {
    }

    private final String hypercall;
    private final Map<Integer, Row> rows = new TreeMap<>();

    SubOperations(String hypercall) {
        this.hypercall = hypercall;
    }

    SubOperations add(int number, String name, Operation operation) {
        if (rows.put(number, new Row(name, operation)) != null) {
            throw new IllegalArgumentException(hypercall + " has two operations " + number);
        }
        return this;
    }

    /** An operation that Xen refuses to such a guest, with this error. */
    SubOperations refuse(int number, String name, int errno) {
        return add(number, name, (c, arg) -> -errno);
    }

    /** An operation that is known by name but not built. */
    SubOperations missing(int number, String name) {
        return add(number, name, (c, arg) -> c.notBuilt(hypercall + "." + name));
    }

    long call(HypercallContext c, int number, long arg) {
        Row row = rows.get(number);
        return row == null
                ? c.notBuilt(hypercall + "." + Integer.toUnsignedString(number))
                : row.operation.call(c, arg);
    }
}
